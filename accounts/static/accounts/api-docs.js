// Names and landmarks for the parts of Swagger UI that have none.
"use strict";
const ROLES = { ".information-container": "banner", ".filter-container": "search" };
new MutationObserver(() => {
  for (const [part, role] of Object.entries(ROLES)) document.querySelector(part)?.setAttribute("role", role);
  for (const select of document.querySelectorAll(".examples-select-element")) select.setAttribute("aria-label", "Example");
  for (const table of document.querySelectorAll(".responses-table")) table.setAttribute("aria-label", `Answers: ${table.id}`);
}).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
