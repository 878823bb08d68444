// A conversation with @kapso/whatsapp-cloud-api, which verifies signatures and reads
// webhooks, but has no server.
import { WhatsAppClient } from '@kapso/whatsapp-cloud-api';
import { normalizeWebhook, verifySignature } from '@kapso/whatsapp-cloud-api/server';
import { converse, enableCalls, file, listen, person, publishFlow, rawBody, settings, verifyToken } from './conversation.mjs';

const { token, secret, phone, version: graphVersion } = settings;
const { messages, media } = new WhatsAppClient({ accessToken: token, graphVersion });
const common = { phoneNumberId: phone, to: person };
const sent = async (result) => (await result).messages[0].id;

async function upload(kind) {
  const { name, type, content } = file(kind);
  return (await media.upload({ phoneNumberId: phone, type, file: new Blob([content], { type }), fileName: name })).id;
}
const headerImage = async () => ({ type: 'image', image: { id: await upload('image') } });

converse({
  start: (event) => listen(async (request, response) => {
    if (request.method === 'GET') {
      const query = new URL(request.url, 'http://localhost').searchParams;
      response.end(query.get('hub.verify_token') === verifyToken ? query.get('hub.challenge') : '');
      return;
    }
    const body = await rawBody(request);
    if (!verifySignature({ appSecret: secret, rawBody: body, signatureHeader: request.headers['x-hub-signature-256'] })) {
      response.writeHead(401).end();
      return;
    }
    const { messages, statuses } = normalizeWebhook(JSON.parse(body));
    for (const message of messages) event({ id: message.id, kind: message.type, content: message[message.type] });
    for (const { id, status } of statuses) event({ id, status });
    response.end();
  }),
  verifies: true,
  skipped: ['reaction'],
  send: {
    text: () => sent(messages.sendText({ ...common, body: 'Hello', previewUrl: true })),
    reply: ({ inbound }) => sent(messages.sendText({ ...common, body: 'Hello to you', contextMessageId: inbound })),
    image: async () => sent(messages.sendImage({ ...common, image: { id: await upload('image'), caption: 'A cat' } })),
    video: async () => sent(messages.sendVideo({ ...common, video: { id: await upload('video') } })),
    audio: async () => sent(messages.sendAudio({ ...common, audio: { id: await upload('audio') } })),
    document: async () => sent(messages.sendDocument({ ...common, document: { id: await upload('document'), filename: 'a.pdf' } })),
    sticker: async () => sent(messages.sendSticker({ ...common, sticker: { id: await upload('sticker') } })),
    location: () => sent(messages.sendLocation({ ...common, location: { latitude: 47.37, longitude: 8.54, name: 'Zürich' } })),
    contacts: () => sent(messages.sendContacts({ ...common, contacts: [{ name: { formattedName: 'Barbara Johnson', firstName: 'Barbara' }, phones: [{ phone: '+16505551111', type: 'HOME' }] }] })),
    reaction: ({ inbound }) => sent(messages.sendReaction({ ...common, reaction: { messageId: inbound, emoji: '👍' } })),
    template: () => sent(messages.sendTemplate({ ...common, template: { name: 'hello_world', language: { code: 'en_US' } } })),
    buttons: async () => sent(messages.sendInteractiveButtons({ ...common, bodyText: 'Body', header: await headerImage(), footerText: 'Footer', buttons: [{ id: 'yes', title: 'Yes' }] })),
    list: () => sent(messages.sendInteractiveList({ ...common, bodyText: 'Body', buttonText: 'Open', sections: [{ title: 'Title', rows: [{ id: 'id', title: 'Row' }] }] })),
    product: () => sent(messages.sendInteractiveProduct({ ...common, bodyText: 'Body', catalogId: '123', productRetailerId: 'product' })),
    product_list: () => sent(messages.sendInteractiveProductList({ ...common, bodyText: 'Body', header: { type: 'text', text: 'Header' }, catalogId: '123', sections: [{ title: 'Title', productItems: [{ productRetailerId: 'product' }] }] })),
    catalog: () => sent(messages.sendInteractiveCatalogMessage({ ...common, bodyText: 'Body', parameters: { thumbnailProductRetailerId: 'product' } })),
    flow: async () => sent(messages.sendInteractiveFlow({ ...common, bodyText: 'Body', parameters: { flowId: await publishFlow(), flowCta: 'Open', flowToken: 'token', flowAction: 'navigate', flowActionPayload: { screen: 'SCREEN' } } })),
    address: () => sent(messages.sendInteractiveAddress({ ...common, bodyText: 'Body', parameters: { country: 'IN' } })),
    location_request: () => sent(messages.sendInteractiveLocationRequest({ ...common, bodyText: 'Where are you?', parameters: { requestMessage: 'Where are you?' } })),
    call_permission: () => enableCalls().then(() => sent(messages.sendInteractiveCallPermission({ ...common, bodyText: 'May we call?', parameters: { phoneNumber: person } }))),
    cta_url: () => sent(messages.sendInteractiveCtaUrl({ ...common, bodyText: 'Body', parameters: { displayText: 'Open', url: 'https://example.com' } })),
    carousel: async () => {
      const header = await headerImage();
      const card = (cardIndex) => ({ cardIndex, header, bodyText: 'Card', action: { displayText: 'Open', url: 'https://example.com' } });
      return sent(messages.sendInteractiveCarousel({ ...common, bodyText: 'Body', cards: [card(0), card(1)] }));
    },
    raw: () => sent(messages.sendInteractiveRaw({ ...common, interactive: { type: 'button', body: { text: 'Body' }, action: { buttons: [{ type: 'reply', reply: { id: 'yes', title: 'Yes' } }] } } })),
  },
});
