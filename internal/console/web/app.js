// Keys, forms that stay on their page, and copying. Everything works without it, too.

import { changed, elements, follow, parts, release, show } from "./live.js";

const toast = document.getElementById("toast"), say = document.getElementById("say"), help = document.getElementById("help");
const find = (selector, of = document) => of.querySelector(selector);

function enhance(of) { of.querySelectorAll("[data-copy][hidden], [data-copy-of][hidden]").forEach((e) => e.hidden = false); }
enhance(document);
new MutationObserver(() => enhance(document)).observe(document.getElementById("main"), { childList: true, subtree: true });
document.querySelectorAll("[data-bottom]").forEach((e) => e.scrollTop = e.scrollHeight);

function tell(text) {
  toast.textContent = text;
  toast.hidden = !text;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => toast.hidden = true, 12000);
}

// Forms with data-stay are sent without leaving the page.
document.addEventListener("submit", async (e) => {
  const form = e.target, button = e.submitter;
  if (!("stay" in form.dataset) || button?.hasAttribute("formaction")) return;
  e.preventDefault();
  if (form.dataset.sending) return;
  form.dataset.sending = "yes";
  tell("");
  try {
    const fields = new FormData(form, button);
    const body = form.enctype === "multipart/form-data" ? fields : new URLSearchParams(fields);
    const answer = await fetch(form.action, { method: "POST", body, headers: { "Ferry-Parts": parts() } });
    const html = await answer.text();
    if (!answer.ok) { tell(find(".problem", elements(html))?.innerText?.trim() || find(".problem", elements(html))?.textContent.trim() || `The server responded with ${answer.status}.`); return; }
    if (new URL(answer.url).pathname !== location.pathname) { location.href = answer.url; return; }
    show(html);
    form.closest("details.menu")?.removeAttribute("open");
    if ("composer" in form.dataset) {
      form.reset();
      find("textarea", form).focus();
      document.querySelectorAll("[data-bottom]").forEach((e) => e.scrollTop = e.scrollHeight);
      if (location.search.includes("reply=")) location.href = location.pathname;
    }
    say.textContent = "Done";
  } catch {
    tell("The server does not respond. Is ferry running?");
  } finally {
    delete form.dataset.sending;
  }
});

document.addEventListener("click", async (e) => {
  const copy = e.target.closest("[data-copy]");
  if (copy) copyText(copy.dataset.copy, copy);
  const copyOf = e.target.closest("[data-copy-of]");
  if (copyOf) copyText(document.getElementById(copyOf.dataset.copyOf).textContent, copyOf);
  document.querySelectorAll("details.menu[open]").forEach((menu) => { if (!menu.contains(e.target)) menu.removeAttribute("open"); });
});

async function copyText(text, button) {
  try { await navigator.clipboard.writeText(text); } catch { tell("The browser does not let this page copy. The text is: " + text); return; }
  say.textContent = "Copied";
  if (!button || button.textContent === "Copied") return;
  const name = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => button.textContent = name, 1500);
}

// Keys.
const helpButton = document.getElementById("help-button"), keysOn = document.getElementById("keys-on");
helpButton.hidden = false;
helpButton.addEventListener("click", () => help.showModal());
keysOn.checked = localStorage.getItem("ferry-keys") !== "off";
keysOn.addEventListener("change", () => localStorage.setItem("ferry-keys", keysOn.checked ? "on" : "off"));

let began = 0; // when g was pressed
const keys = {
  "?": () => help.showModal(),
  "/": () => find("[data-search]")?.focus(),
  n: release,
  j: () => step(1),
  k: () => step(-1),
  c: () => { const id = find("[data-id]"); if (id) copyText(id.textContent); },
  o: () => { const of = document.activeElement.closest("[data-why]"); if (of) location.href = "/why?id=" + encodeURIComponent(of.dataset.why); },
  r: () => find("main [data-key=r]")?.focus(),
  g: () => { began = Date.now(); },
};

function step(by) {
  const rows = [...document.querySelectorAll("[data-row]")], at = rows.indexOf(document.activeElement);
  rows[Math.min(Math.max(at + by, 0), rows.length - 1)]?.focus();
}

document.addEventListener("keydown", (e) => {
  const inField = e.target.closest("input, textarea, select, [contenteditable]");
  if (e.key === "Escape") {
    const open = find("details.menu[open]");
    if (open) { open.removeAttribute("open"); find("summary", open).focus(); }
    else if (inField) e.target.blur();
    return;
  }
  if (e.key === "Enter" && !e.shiftKey && !e.isComposing && e.target.matches("[data-composer] textarea")) {
    e.preventDefault();
    e.target.form.requestSubmit();
    return;
  }
  if (inField || !keysOn.checked || e.ctrlKey || e.metaKey || e.altKey || help.open) return;
  if (Date.now() - began < 1500) {
    began = 0;
    const page = [...document.querySelectorAll(".nav [data-key]")].find((a) => a.dataset.key === e.key);
    if (page) { e.preventDefault(); page.click(); return; }
  }
  if (Object.hasOwn(keys, e.key)) { e.preventDefault(); keys[e.key](); }
});

follow();
changed([]);
