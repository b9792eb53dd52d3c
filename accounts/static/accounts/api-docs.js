// Swagger UI in the colours that the browser asks for, with names and landmarks for its parts that have none.
"use strict";
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
const ROLES = { ".information-container": "banner", ".filter-container": "search" };
new MutationObserver(() => {
  for (const [part, role] of Object.entries(ROLES)) document.querySelector(part)?.setAttribute("role", role);
  for (const select of document.querySelectorAll(".examples-select-element")) select.setAttribute("aria-label", "Example");
  for (const table of document.querySelectorAll(".responses-table")) table.setAttribute("aria-label", `Answers: ${table.id}`);
}).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
