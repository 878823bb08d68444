// The media life with whatsapp-api-js. It prints one JSON object.
import { WhatsAppAPI } from 'whatsapp-api-js';
import { settings, digest, print } from './settings.mjs';

const { token, phone, name, type, content } = settings;
const api = new WhatsAppAPI({ token, secure: false, v: 'v25.0' });

const form = new FormData();
form.set('file', new Blob([content], { type }), name);
const { id } = await api.uploadMedia(phone, form);
const described = await api.retrieveMedia(id, phone);
const downloaded = digest(await (await api.fetchMedia(described.url)).arrayBuffer());
const deleted = await api.deleteMedia(id, phone);
const { error: gone } = await api.retrieveMedia(id);
const { data: codes } = await api.retrieveQR(phone);
const { error: missing } = await (await api.$$apiFetch$$(`https://graph.facebook.com/v25.0/${phone}/groups`)).json();

print({ id, described, downloaded, deleted, gone, codes, missing });
