// Management with @kapso/whatsapp-cloud-api.
import { WhatsAppClient } from '@kapso/whatsapp-cloud-api';
import { code, run, settings } from './management.mjs';

const { token, account: businessAccountId, phone: phoneNumberId, flow } = settings;
const { templates, flows, phoneNumbers } = new WhatsAppClient({ accessToken: token, graphVersion: 'v25.0' });
// The client wants the names of properties in camel case.
const camelFlow = JSON.parse(flow.replaceAll(/-([a-z])(?=[a-z-]*":)/g, (_, letter) => letter.toUpperCase()));

run({
  createTemplate: () => templates.create({
    businessAccountId, name: 'kapso_hello', language: 'en_US', category: 'UTILITY', parameterFormat: 'NAMED',
    components: [{ type: 'BODY', text: 'Hello {{first_name}}, welcome to us.', example: { bodyTextNamedParams: [{ paramName: 'first_name', example: 'Ana' }] } }],
  }),
  listTemplates: () => templates.list({ businessAccountId, name: 'kapso_hello', limit: 5 }),
  deleteTemplate: () => templates.delete({ businessAccountId, name: 'kapso_hello' }),

  brokenFlow: () => flows.create({ wabaId: businessAccountId, name: 'Broken', categories: ['OTHER'], flowJson: { version: '7.3', screens: [] } }),
  deployFlow: () => flows.deploy(camelFlow, { name: 'Survey', wabaId: businessAccountId, categories: ['SURVEY'], publish: true, preview: true }),
  getFlow: ({ deployFlow: { flowId } }) => flows.get({ flowId }),
  listFlows: () => flows.list({ wabaId: businessAccountId, limit: 10 }),
  deprecateFlow: ({ deployFlow: { flowId } }) => flows.deprecate({ flowId }),

  updateProfile: () => phoneNumbers.businessProfile.update({ phoneNumberId, about: 'Plants', email: 'a@example.com', websites: ['https://www.example.com/'], vertical: 'RETAIL' }),
  getProfile: () => phoneNumbers.businessProfile.get({ phoneNumberId, fields: 'about,email,vertical,websites' }),
  requestCode: () => phoneNumbers.requestCode({ phoneNumberId, codeMethod: 'SMS', language: 'en_US' }),
  verifyCode: async () => phoneNumbers.verifyCode({ phoneNumberId, code: await code(phoneNumberId) }),
  register: () => phoneNumbers.register({ phoneNumberId, pin: '123456' }),
  updateSettings: () => phoneNumbers.settings.update({ phoneNumberId, calling: { status: 'ENABLED' } }),
  getSettings: () => phoneNumbers.settings.get({ phoneNumberId }),
  deregister: () => phoneNumbers.deregister({ phoneNumberId }),
});
