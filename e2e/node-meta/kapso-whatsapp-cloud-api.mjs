// The media life with @kapso/whatsapp-cloud-api. It prints one JSON object.
import { WhatsAppClient } from '@kapso/whatsapp-cloud-api';
import { settings, attempt, digest, print } from './settings.mjs';

const { token, account, phone, name, type, content } = settings;
const { media, templates } = new WhatsAppClient({ accessToken: token, graphVersion: 'v25.0' });

const file = new Blob([content], { type });
const { id } = await media.upload({ phoneNumberId: phone, type, file, fileName: name });
const described = await media.get({ mediaId: id, phoneNumberId: phone });
const response = await media.download({ mediaId: id, as: 'response' }); // by default without a token
const downloaded = digest(await media.download({ mediaId: id, auth: 'always' }));
const deleted = await media.delete({ mediaId: id, phoneNumberId: phone });
const gone = await attempt(() => media.get({ mediaId: id }));
const missing = await attempt(() => templates.list({ businessAccountId: account }));

print({ id, described, downloaded, withoutHeader: response.status, deleted, gone, missing });
