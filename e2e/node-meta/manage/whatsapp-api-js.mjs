// Management with whatsapp-api-js: its QR codes and its block list.
import { WhatsAppAPI } from 'whatsapp-api-js';
import { run, settings } from './management.mjs';

const { token, connected: phone } = settings;
const api = new WhatsAppAPI({ token, secure: false, v: 'v25.0' });
const person = '16505551234';

// It returns errors instead of throwing them.
const good = async (response) => {
  const result = await response;
  if (result.error) throw new Error(JSON.stringify(result.error));
  return result;
};

run({
  createQR: () => good(api.createQR(phone, 'Hello', 'svg')),
  updateQR: ({ createQR: { code } }) => good(api.updateQR(phone, code, 'Goodbye')),
  getQR: ({ createQR: { code } }) => good(api.retrieveQR(phone, code)),
  listQR: () => good(api.retrieveQR(phone)),
  deleteQR: ({ createQR: { code } }) => good(api.deleteQR(phone, code)),
  block: () => good(api.blockUser(phone, person)),
  unblock: () => good(api.unblockUser(phone, person)),
});
