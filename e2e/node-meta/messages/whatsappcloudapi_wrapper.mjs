// A conversation with whatsappcloudapi_wrapper, which reads webhooks, but has no server.
import WhatsappCloud from 'whatsappcloudapi_wrapper';
import { converse, file, listen, person as recipientPhone, rawBody, settings, verifyToken } from './conversation.mjs';

const { token: accessToken, phone: senderPhoneNumberId, account: WABA_ID, version: graphAPIVersion } = settings;
const api = new WhatsappCloud({ accessToken, senderPhoneNumberId, WABA_ID, graphAPIVersion });
const sent = async (result) => {
  const answer = await result;
  return (answer.response ?? answer).data.messages[0].id;
};
const sample = (kind) => {
  const { path: file_path, name: file_name, type: mime_type } = file(kind);
  return { recipientPhone, file_path, file_name, mime_type };
};

converse({
  start: (event) => listen(async (request, response) => {
    if (request.method === 'GET') {
      const query = new URL(request.url, 'http://localhost').searchParams;
      response.end(query.get('hub.verify_token') === verifyToken ? query.get('hub.challenge') : '');
      return;
    }
    const parsed = api.parseMessage(JSON.parse(await rawBody(request)));
    if (parsed.isMessage) event({ id: parsed.message.message_id, kind: parsed.message.type, content: parsed.message });
    else if (parsed.notificationMessage?.status) event({ id: parsed.notificationMessage.id, status: parsed.notificationType });
    response.end();
  }),
  send: {
    text: () => sent(api.sendText({ recipientPhone, message: 'Hello' })),
    reply: ({ inbound }) => sent(api.sendText({ recipientPhone, message: 'Hello to you', context: { message_id: inbound } })),
    image: async () => { // not by file_path: the library then makes the id a number, which rounds long ones
      const { media_id } = await api.preUploadMedia(sample('image'));
      return sent(api.sendImage({ recipientPhone, media_id, caption: 'A cat' }));
    },
    video: () => sent(api.sendVideo({ ...sample('video'), caption: 'A film' })),
    audio: () => sent(api.sendAudio(sample('audio'))),
    document: () => sent(api.sendDocument({ ...sample('document'), caption: 'a.pdf' })),
    location: () => sent(api.sendLocation({ recipientPhone, latitude: 47.37, longitude: 8.54, name: 'Zürich', address: 'Switzerland' })),
    contacts: () => sent(api.sendContact({ recipientPhone, contact_profile: {
      name: { first_name: 'Barbara', last_name: 'Johnson' }, phones: [{ phone: '+16505551111', type: 'HOME' }], emails: [{ email: 'b@example.com' }],
      addresses: [{ city: 'Menlo Park' }], org: { company: 'Company' }, urls: [{ url: 'https://example.com' }], birthday: '1990-01-02' } })),
    buttons: () => sent(api.sendSimpleButtons({ recipientPhone, message: 'Body', listOfButtons: [{ id: 'yes', title: 'Yes' }] })),
    list: () => sent(api.sendRadioButtons({ recipientPhone, headerText: 'Header', bodyText: 'Body', footerText: 'Footer', listOfSections: [{ title: 'Title', rows: [{ id: 'id', title: 'Row', description: 'Description' }] }] })),
    template: () => sent(api.sendTemplate({ recipientPhone, templateName: 'hello_world', languageCode: 'en_US', components: [] })),
  },
});
