// The media life with @kapso/whatsapp-cloud-api. It prints one JSON object.
import { WhatsAppClient } from '@kapso/whatsapp-cloud-api';
import { settings, attempt, digest, print } from './settings.mjs';

const { token, account, phone, name, type, content } = settings;
const client = new WhatsAppClient({ accessToken: token, graphVersion: 'v25.0' });

const { media, templates: resource } = client;

const file = new Blob([content], { type });
const { id } = await media.upload({ phoneNumberId: phone, type, file, fileName: name });
const described = await media.get({ mediaId: id, phoneNumberId: phone });
const response = await media.download({ mediaId: id, as: 'response' }); // by default without a token
const downloaded = digest(await media.download({ mediaId: id, auth: 'always' }));
const deleted = await media.delete({ mediaId: id, phoneNumberId: phone });
const gone = await attempt(() => media.get({ mediaId: id }));
const template = await resource.create({
  businessAccountId: account, name: 'kapso_hello', language: 'en_US', category: 'UTILITY', parameterFormat: 'NAMED',
  components: [{ type: 'BODY', text: 'Hello {{first_name}}, welcome to us.', example: { bodyTextNamedParams: [{ paramName: 'first_name', example: 'Ana' }] } }],
});
const { data } = await resource.list({ businessAccountId: account, name: 'kapso_hello', limit: 5 });
const templates = data.map(({ id, name, status }) => ({ id, name, status }));
await resource.delete({ businessAccountId: account, name: 'kapso_hello' });
const left = (await resource.list({ businessAccountId: account })).data.map(({ name }) => name);
const missing = await attempt(() => client.request('GET', `${account}/schedules`, { responseType: 'json' }));

print({ id, described, downloaded, withoutHeader: response.status, deleted, gone, template: template.id, templates, left, missing });
