// Follows the server: one tab holds the stream of changes for all tabs, and each tab
// fetches those parts of its page again that the changes are about.

const channel = new BroadcastChannel("ferry");
const policy = window.trustedTypes
  ? trustedTypes.createPolicy("ferry", { createHTML: (html) => html }) // made by our own server
  : { createHTML: (html) => html };
const say = document.getElementById("say");
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const held = new Map(); // new versions of lists that the reader is in, by id

export function elements(html) {
  const template = document.createElement("template");
  template.innerHTML = policy.createHTML(html);
  return template.content;
}

// lead reads the stream until the tab is closed, and tells all tabs what it says.
function lead() {
  let told = 0;
  const tell = (names) => { channel.postMessage(names); changed(names); told = Date.now(); };
  channel.addEventListener("message", (e) => { if (e.data === "hello" && Date.now() - told < 3000) channel.postMessage(["all"]); });
  const open = () => {
    const stream = new EventSource("/stream");
    stream.addEventListener("open", () => document.documentElement.dataset.stream = "open");
    stream.addEventListener("change", (e) => tell(e.data.split(" ")));
    stream.addEventListener("error", () => {
      document.documentElement.dataset.stream = "lost";
      if (stream.readyState === EventSource.CLOSED) setTimeout(open, 1000); // the browser itself has given up
    });
  };
  open();
}

export function follow() {
  channel.addEventListener("message", (e) => { if (Array.isArray(e.data)) changed(e.data); });
  if (!navigator.locks) { lead(); return; } // plain HTTP on another machine
  navigator.locks.request("ferry-stream", () => { lead(); return new Promise(() => {}); });
  channel.postMessage("hello"); // something may have happened since the page was made
}

let wanted = new Set(), busy = false;
export async function changed(names) {
  names.forEach((name) => wanted.add(name));
  if (busy || document.hidden) return;
  busy = true;
  while (wanted.size && !document.hidden) {
    const now = wanted;
    wanted = new Set();
    const began = Date.now();
    try { await refresh(now); } catch { /* the next change tries again */ }
    await pause(Math.max(250, 4 * (Date.now() - began))); // at most four requests a second, and a fifth of the server's time
  }
  busy = false;
}
document.addEventListener("visibilitychange", () => changed([]));
setInterval(() => changed(["tick"]), 3000); // what changes by itself

export const parts = (names) => [...document.querySelectorAll("[data-live]")]
  .filter((e) => !names || names.has("all") || e.dataset.live.split(" ").some((name) => names.has(name)))
  .map((e) => e.id).join(" ");

async function refresh(names) {
  const ids = parts(names);
  if (!ids) return;
  const answer = await fetch(location.href, { headers: { "Ferry-Parts": ids } });
  if (answer.status === 401) location.reload();
  if (answer.ok && !answer.redirected) show(await answer.text());
}

// show puts new versions of parts in the place of the old ones.
export function show(html) {
  for (const now of [...elements(html).children]) {
    const old = now.id && document.getElementById(now.id);
    if (!old) continue;
    if ("hold" in old.dataset && (scrollY > 150 || old.contains(document.activeElement))) { hold(old, now); continue; }
    const atEnd = old.scrollHeight - old.scrollTop - old.clientHeight < 60;
    morph(old, now);
    if ("bottom" in old.dataset && atEnd) old.scrollTop = old.scrollHeight;
  }
}

// hold keeps new rows back while somebody reads the list, and says how many there are.
function hold(old, now) {
  const fresh = [...now.querySelectorAll("li[id]")].filter((row) => !document.getElementById(row.id)).length;
  if (!fresh) { morph(old, now); return; }
  held.set(old.id, now);
  let button = document.getElementById("new-rows");
  if (!button) {
    button = document.createElement("button");
    button.id = "new-rows";
    button.type = "button";
    button.addEventListener("click", release);
    old.before(button);
  }
  button.textContent = `${fresh} new (n)`;
  say.textContent = `${fresh} new`;
}

export function release() {
  for (const [id, now] of held) morph(document.getElementById(id), now);
  held.clear();
  document.getElementById("new-rows")?.remove();
}

// morph makes an element like another one. What has the same id stays the same element,
// so that focus, players and open menus stay as they are.
function morph(old, now) {
  if (old.isEqualNode(now)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) { if (old.nodeValue !== now.nodeValue) old.nodeValue = now.nodeValue; return; }
  for (const { name } of [...old.attributes]) if (!now.hasAttribute(name) && name !== "open" && name !== "hidden") old.removeAttribute(name);
  for (const { name, value } of now.attributes) if (old.getAttribute(name) !== value && name !== "open" && name !== "hidden") old.setAttribute(name, value);
  const known = new Map([...old.children].filter((e) => e.id).map((e) => [e.id, e]));
  let at = old.firstChild;
  for (const next of [...now.childNodes]) {
    let same = next.id ? known.get(next.id) : null;
    if (!same && !next.id && at && !at.id && at.nodeName === next.nodeName) same = at;
    if (same === at && at) at = at.nextSibling;
    else old.insertBefore(same || next, at);
    if (same) morph(same, next);
  }
  while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
}
