// A conversation with @whatsapp-cloudapi/client, which sends, and reads no webhooks.
import * as client from '@whatsapp-cloudapi/client';
import { converse, file, listen, person, publishFlow, rawBody, settings, verifyToken } from './conversation.mjs';

const { token: accessToken, phone: from } = settings;
const common = { accessToken, from, to: `+${person}` };
const sent = async (result) => (await result).messages[0].id;

async function upload() {
  const { name, type, content } = file('image');
  return (await client.uploadMedia({ accessToken, from, file: new File([content], name, { type }) })).id;
}

converse({
  start: (event) => listen(async (request, response) => {
    if (request.method === 'GET') {
      const query = new URL(request.url, 'http://localhost').searchParams;
      response.end(query.get('hub.verify_token') === verifyToken ? query.get('hub.challenge') : '');
      return;
    }
    const { messages = [], statuses = [] } = JSON.parse(await rawBody(request)).entry[0].changes[0].value;
    for (const message of messages) event({ id: message.id, kind: message.type, content: message[message.type] });
    for (const { id, status } of statuses) event({ id, status });
    response.end();
  }),
  send: {
    text: () => sent(client.sendTextMessage({ ...common, text: 'Hello', previewUrl: true, bizOpaqueCallbackData: 'data' })),
    image: async () => sent(client.sendImageMessage({ ...common, mediaId: await upload(), caption: 'A cat' })),
    buttons: async () => sent(client.sendButtonsMessage({ ...common, bodyText: 'Body', headerImage: { id: await upload() }, footerText: 'Footer', buttons: [{ id: 'yes', title: 'Yes' }] })),
    cta_url: () => sent(client.sendCTAURLMessage({ ...common, bodyText: 'Body', buttonText: 'Open', url: 'https://example.com' })),
    list: () => sent(client.sendListMessage({ ...common, bodyText: 'Body', buttonText: 'Open', sections: [{ title: 'Title', rows: [{ id: 'id', title: 'Row' }] }] })),
    flow: async () => sent(client.sendFlowMessage({ ...common, bodyText: 'Body', flowToken: 'token', flowId: await publishFlow(), flowCta: 'Open', flowAction: 'navigate', screen: 'SCREEN' })),
    template: () => sent(client.sendTemplateMessage({ ...common, templateName: 'hello_world', languageCode: 'en_US' })),
    template_reply: ({ inbound }) => sent(client.sendTemplateMessage({ ...common, templateName: 'hello_world', languageCode: 'en_US', replyToMessageId: inbound })),
  },
});
