// Landmarks for the parts of Swagger UI that stand beside its own main one.
"use strict";
const ROLES = { ".information-container": "banner", ".filter-container": "search" };
new MutationObserver(() => {
  for (const [part, role] of Object.entries(ROLES)) document.querySelector(part)?.setAttribute("role", role);
}).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
