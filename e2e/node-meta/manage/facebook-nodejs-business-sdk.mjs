// Management with Meta's own SDK, which has classes for accounts only; other nodes are
// called by their paths.
import sdk from 'facebook-nodejs-business-sdk';
import { code, run, settings } from './management.mjs';

const { token, account, flow } = settings;
const api = sdk.FacebookAdsApi.init(token, 'en_US', false);
const waba = () => new sdk.WhatsAppBusinessAccount(account); // a call may set what its response has, the id, too
const data = async (object) => (await object)._data;
const list = async (cursor) => (await cursor).map(({ _data }) => _data);

run({
  createTemplate: () => data(waba().createMessageTemplate([], {
    name: 'sdk_hello', language: 'en_US', category: 'UTILITY',
    components: [{ type: 'BODY', text: 'Hello {{1}}, welcome to us.', example: { body_text: [['Ana']] } }],
  })),
  listTemplates: () => list(waba().getMessageTemplates(['name', 'status', 'category'], { name: 'sdk_hello' })),
  editTemplate: ({ createTemplate: { id } }) => api.call('POST', [id], { components: [{ type: 'BODY', text: 'Welcome to us.' }] }),
  deleteTemplate: () => waba().deleteMessageTemplates({ name: 'sdk_hello' }),

  createFlow: () => data(waba().createFlow([], { name: 'Survey', categories: ['SURVEY'], flow_json: flow })),
  listFlows: () => list(waba().getFlows(['name', 'status', 'validation_errors'])),
  previewFlow: ({ createFlow: { id } }) => api.call('GET', [id], { fields: 'preview.invalidate(true)' }),
  publishFlow: ({ createFlow: { id } }) => api.call('POST', [id, 'publish']),

  createNumber: () => data(waba().createPhoneNumber([], { cc: '1', phone_number: '6505550199', verified_name: 'Lucky Shrub' })),
  requestCode: ({ createNumber: { id } }) => api.call('POST', [id, 'request_code'], { code_method: 'SMS', language: 'en_US' }),
  verifyCode: async ({ createNumber: { id } }) => api.call('POST', [id, 'verify_code'], { code: await code(id) }),
  register: ({ createNumber: { id } }) => api.call('POST', [id, 'register'], { messaging_product: 'whatsapp', pin: '123456' }),
  updateProfile: ({ createNumber: { id } }) => api.call('POST', [id, 'whatsapp_business_profile'], { messaging_product: 'whatsapp', about: 'Plants', websites: ['https://www.example.com/'] }),
  getProfile: ({ createNumber: { id } }) => api.call('GET', [id, 'whatsapp_business_profile'], { fields: 'about,websites' }),
  createDataset: () => data(waba().createDataset([], {})),
});
