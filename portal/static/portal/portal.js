// Small touches for browsers with scripts; every page works without this file.
"use strict";

// Copy a secret that is shown once.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const status = document.getElementById(button.dataset.status);
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      status.textContent = "Copied.";
    } catch {
      status.textContent = "Copying is blocked by this browser. Select the text instead.";
    }
  });
}

function declined(zone) {
  try { return localStorage.getItem("zone-kept") === zone; } catch { return false; }
}

// Who signs in for the first time gets the browser's time zone; who has another is offered it, until they decline.
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (here && !declined(`UTC in ${here}`)) for (const link of document.querySelectorAll("a[href^='/login']")) {
  const address = new URL(link.href);
  address.searchParams.set("zone", here);
  link.href = address;
}
for (const offer of document.querySelectorAll("[data-zone-offer]")) {
  const choice = `${offer.dataset.zoneOffer} in ${here}`;
  if (!here || here === offer.dataset.zoneOffer || declined(choice)) continue;
  offer.querySelector("input[name=time_zone]").value = here;
  for (const name of offer.querySelectorAll("[data-zone-name]")) name.textContent = here.replaceAll("_", " ");
  offer.hidden = false;
  offer.querySelector("[data-zone-keep]").addEventListener("click", () => {
    try { localStorage.setItem("zone-kept", choice); } catch { /* It is asked again next time. */ }
    offer.hidden = true;
    document.getElementById("main").focus();
  });
}

// Say how long a refund is still possible. The deadline itself stands beside it in the page.
function remaining(milliseconds) {
  const minutes = Math.floor(milliseconds / 60000);
  if (minutes < 1) return "less than a minute left";
  const days = Math.floor(minutes / 1440), hours = Math.floor((minutes % 1440) / 60);
  if (days > 0) return `${days} d ${hours} h left`;
  return hours > 0 ? `${hours} h ${minutes % 60} min left` : `${minutes} min left`;
}
function countDown() {
  for (const time of document.querySelectorAll("[data-countdown]")) {
    const left = Date.parse(time.dataset.countdown) - Date.now();
    time.textContent = left > 0 ? remaining(left) : "deadline passed";
  }
}
countDown();
setInterval(countDown, 20000);

// What saving weekly hours opens and closes is said while they are filled in.
for (const form of document.querySelectorAll("form[data-live]")) {
  const part = document.getElementById(form.dataset.live);
  let asked = 0, wait;
  const look = async () => {
    const mine = asked, fields = new URLSearchParams(new FormData(form));
    fields.set("do", "preview");
    const answer = await fetch(form.action, { method: "POST", body: fields }).then((found) => found.text()).catch(() => "");
    if (mine !== asked || form.dataset.sent) return;
    const told = new DOMParser().parseFromString(answer, "text/html").querySelectorAll(`#${part.id} [data-told]`);
    told.forEach((one, n) => {
      const old = part.querySelectorAll("[data-told]")[n];
      if (old.tagName === "INPUT") old.value = one.value; else old.replaceChildren(...one.childNodes);
    });
    part.removeAttribute("aria-busy");
  };
  form.addEventListener("input", () => {
    part.setAttribute("aria-busy", "true");
    asked += 1;
    clearTimeout(wait);
    wait = setTimeout(look, 500);
  });
}

// A browser writes a date in an order of its own; words beside it say which day it is.
const asDay = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
for (const field of document.querySelectorAll("input[type=date]")) {
  const words = document.createElement("span");
  words.className = "hint";
  words.setAttribute("aria-live", "polite");
  const say = () => { words.textContent = field.valueAsDate ? asDay.format(field.valueAsDate).replace(",", "") : ""; };
  field.after(words);
  field.addEventListener("input", say);
  say();
}

// A second click on a form that is already on its way does nothing.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "true";
  });
}
addEventListener("pageshow", () => { for (const form of document.forms) delete form.dataset.sent; });

// A menu closes when the focus or the pointer goes elsewhere.
for (const menu of document.querySelectorAll("details.menu")) {
  menu.addEventListener("focusout", (event) => { if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false; });
  menu.addEventListener("keydown", (event) => { if (event.key === "Escape") { menu.open = false; menu.querySelector("summary").focus(); } });
  document.addEventListener("pointerdown", (event) => { if (!menu.contains(event.target)) menu.open = false; });
}
