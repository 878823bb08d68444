// A conversation between a client of the Cloud API and a person of the simulator:
// the person sends a message of each type, which the client receives, and the client
// sends one of each type that it has. Its last line is a JSON object.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const { META_TOKEN: token, META_APP: app, META_SECRET: secret, META_WABA: account, META_PHONE: phone, CONTROL_URL: control, FILES: files } = process.env;

export const person = '16505551234';
export const verifyToken = 'the-verify-token-of-the-clients';
export const settings = { token, app, secret, account, phone, version: 'v25.0' };

// file returns the path, content and MIME type of one of the samples.
export function file(kind) {
  const [name, type] = {
    image: ['sample.jpg', 'image/jpeg'], video: ['sample.mp4', 'video/mp4'], audio: ['voice.ogg', 'audio/ogg'],
    document: ['sample.pdf', 'application/pdf'], sticker: ['sticker-static.webp', 'image/webp'],
  }[kind];
  const path = join(files, name);
  return { name, type, path, content: readFileSync(path) };
}

// upload stores a sample at the simulator, for clients that cannot.
export async function upload(kind) {
  const { name, type, content } = file(kind);
  const form = new FormData();
  form.set('messaging_product', 'whatsapp');
  form.set('file', new Blob([content], { type }), name);
  const response = await fetch(`https://graph.facebook.com/v25.0/${phone}/media`, {
    method: 'POST', body: form, headers: { Authorization: `Bearer ${token}` },
  });
  const { id } = await response.json();
  if (!id) throw new Error(`the upload of ${name} failed: ${response.status}`);
  return id;
}

// post sends a request with a JSON body to Meta, for what clients cannot request.
async function post(path, body) {
  const response = await fetch(`https://graph.facebook.com/v25.0/${path}`, {
    method: 'POST', headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok || answer.validation_errors?.length) throw new Error(`POST ${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

// enableCalls lets the phone number ask people for the permission to call them.
export const enableCalls = () => post(`${phone}/settings`, { calling: { status: 'ENABLED' } });

// publishFlow creates a flow with the screen SCREEN and returns its id.
export async function publishFlow() {
  const layout = { type: 'SingleColumnLayout', children: [{ type: 'TextBody', text: 'Hello' }, { type: 'Footer', label: 'Done', 'on-click-action': { name: 'complete', payload: {} } }] };
  const json = { version: '7.3', screens: [{ id: 'SCREEN', title: 'Hello', terminal: true, success: true, layout }] };
  const { id } = await post(`${account}/flows`, { name: 'Hello', categories: ['OTHER'], flow_json: JSON.stringify(json), publish: true });
  return id;
}

// The messages of the person, by a name for each.
const inbound = {
  text: { text: { body: 'Grüezi 👋' } },
  image: { image: { caption: 'A cat' } },
  video: { type: 'video' },
  audio: { type: 'audio' },
  document: { document: { filename: 'receipt.pdf' } },
  sticker: { type: 'sticker' },
  location: { type: 'location' },
  contacts: { type: 'contacts' },
  button_reply: { interactive: { button_reply: { id: 'yes', title: 'Yes' } } },
  list_reply: { interactive: { list_reply: { id: 'one', title: 'One' } } },
  nfm_reply: { interactive: { nfm_reply: { response_json: '{"answer":42}' } } },
  button: { button: { payload: 'STOP', text: 'Stop' } },
  reaction: { reaction: { message_id: 'wamid.QQ==', emoji: '👍' } },
  order: { type: 'order' },
  referral: { text: { body: 'Is it there?' }, referral: { source_url: 'https://fb.me/1', source_id: '2', source_type: 'ad' } },
  unsupported: { type: 'unsupported' },
};

// listen serves a handler of node:http on a port of its own and returns its URL.
export function listen(handler) {
  return new Promise((resolve) => {
    const server = createServer(handler);
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}/`));
  });
}

// rawBody returns the bytes of a request as text.
export async function rawBody(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

// call calls the simulator's control API.
async function call(path, body) {
  const response = await fetch(control + path, body && { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return text && JSON.parse(text);
}

const wait = (query) => call(`/wait?timeout=30s&${new URLSearchParams(query)}`);

// converse runs the conversation. start returns the URL of the client's webhook, and
// calls its argument with {id, kind, content} of each message, or {id, status} of each
// status, that the client has read. verifies says that the client looks at the
// signature of webhooks; then one of the person's messages has a wrong one. send has one function for each type that the
// client sends; each returns the id of its message.
export async function converse({ start, send, skipped = [], verifies = false }) {
  const received = {}, statuses = {}, ids = {}, sent = {};
  const url = await start(({ id, kind, content, status }) => {
    if (status) (statuses[id] ??= []).push(status);
    else received[id] = { kind, content };
  });
  await call('/apps', { app_id: app, url, verify_token: verifyToken });
  for (const [name, message] of Object.entries(inbound)) {
    const { id } = await call(`/people/${person}/messages?phone_number_id=${phone}`, message);
    ids[name] = id;
    await wait({ for: 'webhook', state: 'delivered', contains: id });
  }
  for (const [name, one] of Object.entries(send)) {
    try {
      sent[name] = await one({ inbound: ids.text });
    } catch (error) {
      throw new Error(`${name}: ${typeof error === 'object' ? error.message ?? JSON.stringify(error) : error}`, { cause: error });
    }
    if (typeof sent[name] !== 'string' || !sent[name].startsWith('wamid.')) throw new Error(`${name}: the client returned ${JSON.stringify(sent[name])}`);
    await wait({ for: 'message', id: sent[name], status: skipped.includes(name) ? 'sent' : 'read' });
  }
  let forged = null;
  if (verifies) {
    await call('/webhooks/delivery', { signature: 'wrong', times: 1 });
    const { id } = await call(`/people/${person}/messages?phone_number_id=${phone}`, inbound.text);
    const { webhooks } = await wait({ for: 'webhook', contains: id, attempts: 1 });
    forged = { status: webhooks[0].attempts[0].status, read: id in received };
  }
  const readWebhooks = await wait({ for: 'webhook', contains: '"statuses"', count: Object.keys(sent).length });
  const answers = [...new Set(readWebhooks.webhooks.flatMap(({ attempts }) => attempts.map(({ status }) => status)))].sort();
  const messages = Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, received[id] ?? null]));
  const reported = Object.fromEntries(Object.entries(sent).map(([name, id]) => [name, statuses[id] ?? []]));
  const outcome = JSON.stringify({ received: messages, sent, statuses: reported, answers, forged });
  process.stdout.write(`\n${outcome}\n`, () => process.exit(0)); // clients keep their servers open
}
