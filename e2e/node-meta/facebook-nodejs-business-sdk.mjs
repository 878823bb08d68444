// The media life, an upload of template media and the reads of an account, with
// Meta's own SDK. It prints one JSON object.
import sdk from 'facebook-nodejs-business-sdk';
import { settings, attempt, digest, print } from './settings.mjs';

const { token, app, account, phone, name, type, content } = settings;
const api = sdk.FacebookAdsApi.init(token, 'en_US', false);

const form = new FormData(); // which the SDK passes on; its own files are not sent
form.set('messaging_product', 'whatsapp');
form.set('file', new Blob([content], { type }), name);
const { id } = await api.call('POST', [phone, 'media'], form);
const described = await api.call('GET', [id]);
// The SDK never sends its token in the header, which a download requires.
const file = await fetch(described.url, { headers: { Authorization: `Bearer ${token}` } });
const downloaded = digest(await file.arrayBuffer());
const deleted = await api.call('DELETE', [id]);
const gone = await attempt(() => api.call('GET', [id]));

const session = await new sdk.Application(app).createUpload([], { file_name: name, file_length: content.length, file_type: type });
const { h: handle } = await api.call('POST', `https://graph.facebook.com/v24.0/${session.id}&access_token=${token}`, content);

const waba = new sdk.WhatsAppBusinessAccount(account);
const { status, creation_time: created } = (await waba.get(Object.values(sdk.WhatsAppBusinessAccount.Fields)))._data;
const numbers = [];
for (let page = await waba.getPhoneNumbers(['id', 'display_phone_number', 'throughput{level}'], { limit: 1 }); ; page = await page.next()) {
  numbers.push(...page.map(({ id }) => id));
  if (!page.hasNext()) break;
}
const template = await waba.createMessageTemplate([], {
  name: 'sdk_picture', language: 'en_US', category: 'UTILITY', components: [
    { type: 'HEADER', format: 'IMAGE', example: { header_handle: [handle] } },
    { type: 'BODY', text: 'Hello {{1}}, here is your picture.', example: { body_text: [['Ana']] } },
  ],
});
const templates = (await waba.getMessageTemplates(['name', 'status'], { name: 'sdk_picture' })).map(({ id, name, status }) => ({ id, name, status }));
const missing = await attempt(() => waba.getSolutions(['id'], {}));

print({ id, described, downloaded, deleted, gone, handle, status, created, numbers, template: template.id, templates, missing });
