// Management with whatsapp-business.
import { WABAClient } from 'whatsapp-business';
import { code, run, settings } from './management.mjs';

const { token, account: accountId, phone: phoneId } = settings;
const client = new WABAClient({ apiToken: token, phoneId, accountId });

run({
  updateProfile: () => client.updateBusinessProfile({ about: 'Plants', address: '1 Main Street', description: 'We sell plants.', email: 'a@example.com', vertical: 'RETAIL', websites: ['https://www.example.com/'] }),
  getProfile: () => client.getBusinessProfile(),
  numbers: () => client.getBusinessPhoneNumbers(),
  number: () => client.getSingleBusinessPhoneNumber(phoneId),
  identityCheck: () => client.updateIdentityCheckState({ enable_identity_key_check: true }),
  requestCode: () => client.requestPhoneNumberVerificationCode({ phoneNumberId: phoneId, code_method: 'VOICE', language: 'en_US' }),
  verifyCode: async () => client.verifyPhoneNumberCode({ phoneNumberId: phoneId, code: await code(phoneId) }),
  register: () => client.registerPhone({ phoneNumberId: phoneId, pin: '123456' }),
  setPIN: () => client.setupTwoStepAuth({ phoneNumberId: phoneId, pin: '654321' }),
  deregister: () => client.deregisterPhone(phoneId),
});
