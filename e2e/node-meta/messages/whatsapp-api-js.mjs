// A conversation with whatsapp-api-js, which verifies the signature of webhooks.
import { WhatsAppAPI } from 'whatsapp-api-js/middleware/node-http';
import * as m from 'whatsapp-api-js/messages';
import { converse, enableCalls, file, listen, person, publishFlow, settings, verifyToken } from './conversation.mjs';

const { token, secret, phone, version: v } = settings;
const api = new WhatsAppAPI({ token, appSecret: secret, webhookVerifyToken: verifyToken, v });

async function upload(kind) {
  const { name, type, content } = file(kind);
  const form = new FormData();
  form.set('file', new Blob([content], { type }), name);
  return (await api.uploadMedia(phone, form)).id;
}

const send = async (message, context) => {
  const response = await api.sendMessage(phone, person, message, context);
  if (response.error) throw response.error;
  return response.messages[0].id;
};
const interactive = (action, header) => send(new m.Interactive(action, new m.Body('Body'), header, new m.Footer('Footer')));
const section = new m.ProductSection('Title', new m.Product('product'));

converse({
  start: (event) => {
    api.on.message = ({ message }) => event({ id: message.id, kind: message.type, content: message[message.type] });
    api.on.status = ({ id, status }) => event({ id, status });
    return listen(async (request, response) => {
      if (request.method === 'GET') {
        response.end(api.handle_get(request));
      } else {
        response.writeHead(await api.handle_post(request)).end();
      }
    });
  },
  verifies: true,
  skipped: ['reaction', 'reaction_removed'],
  send: {
    text: () => send(new m.Text('Hello', true)),
    reply: ({ inbound }) => send(new m.Text('Hello to you'), inbound),
    image: async () => send(new m.Image(await upload('image'), true, 'A cat')),
    video: async () => send(new m.Video(await upload('video'), true)),
    audio: async () => send(new m.Audio(await upload('audio'), true, true)),
    document: async () => send(new m.Document(await upload('document'), true, 'Caption', 'a.pdf')),
    sticker: async () => send(new m.Sticker(await upload('sticker'), true)),
    location: () => send(new m.Location(8.54, 47.37, 'Zürich', 'Switzerland')),
    contacts: () => send(new m.Contacts([
      new m.Name('Barbara Johnson', 'Barbara', 'Johnson'), new m.Phone('+16505551111', 'HOME', '16505551111'), new m.Email('b@example.com', 'WORK'),
      new m.Organization('Company', 'Department', 'Title'), new m.Birthday('1990', '01', '02'), new m.Url('https://example.com', 'WORK'),
      new m.Address('United States', 'us', 'CA', 'Menlo Park', 'Hacker Way', '94025', 'WORK'),
    ])),
    reaction: ({ inbound }) => send(new m.Reaction(inbound, '👍')),
    reaction_removed: ({ inbound }) => send(new m.Reaction(inbound)),
    buttons: () => interactive(new m.ActionButtons(new m.Button('yes', 'Yes'), new m.Button('no', 'No')), new m.Header('Header')),
    list: () => interactive(new m.ActionList('Open', new m.ListSection('Title', new m.Row('id', 'Row', 'Description')))),
    cta_url: () => interactive(new m.ActionCTA('Open', 'https://example.com')),
    catalog: () => interactive(new m.ActionCatalog(new m.Product('product'))),
    product: () => interactive(new m.ActionProduct(new m.CatalogProduct('product', '123'))),
    product_list: () => interactive(new m.ActionProductList('123', section), new m.Header('Header')),
    flow: async () => interactive(new m.ActionNavigateFlow('token', await publishFlow(), 'Open', 'SCREEN', { a: 1 })),
    location_request: () => send(new m.Interactive(new m.ActionLocation(), new m.Body('Where are you?'))),
    call_permission: () => enableCalls().then(() => send(new m.Interactive(new m.ActionCallPermission(), new m.Body('May we call?')))),
    template: () => send(new m.Template('hello_world', 'en_US')),
    template_with_parameters: async () => send(new m.Template('order_update', new m.Language('en_US'),
      new m.HeaderComponent(new m.HeaderParameter(new m.Image(await upload('image'), true))),
      new m.BodyComponent(new m.BodyParameter('Kerry'), new m.BodyParameter(new m.Currency(1000, 'USD', '$1'))),
      new m.PayloadComponent('STOP'))),
  },
});
