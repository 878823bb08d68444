// A conversation with whatsapp-cloud-api, which has a server of its own.
import { createServer } from 'node:http';
import whatsapp from 'whatsapp-cloud-api';
import { converse, person, settings, upload, verifyToken } from './conversation.mjs';

const { token, phone, version } = settings;
const bot = whatsapp.createBot(phone, token, { version });
const sent = async (result) => (await result).messageId;

// freePort returns a port for the server, which takes no 0.
const freePort = () => new Promise((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});

converse({
  start: async (event) => {
    const port = await freePort();
    await bot.startExpressServer({ port, webhookVerifyToken: verifyToken, webhookPath: '/hook' });
    bot.on('message', ({ id, type, data }) => event({ id, kind: type, content: data }));
    return `http://127.0.0.1:${port}/hook`;
  },
  send: {
    text: () => sent(bot.sendText(person, 'Hello', { preview_url: true })),
    image: async () => sent(bot.sendImage(person, await upload('image'), { caption: 'A cat' })),
    video: async () => sent(bot.sendVideo(person, await upload('video'), { caption: 'A film' })),
    audio: async () => sent(bot.sendAudio(person, await upload('audio'))),
    document: async () => sent(bot.sendDocument(person, await upload('document'), { filename: 'a.pdf' })),
    sticker: async () => sent(bot.sendSticker(person, await upload('sticker'))),
    location: () => sent(bot.sendLocation(person, 47.37, 8.54, { name: 'Zürich' })),
    contacts: () => sent(bot.sendContacts(person, [{ name: { formatted_name: 'Barbara Johnson', first_name: 'Barbara' }, phones: [{ phone: '+16505551111', type: 'HOME' }] }])),
    buttons: () => sent(bot.sendReplyButtons(person, 'Body', { yes: 'Yes', no: 'No' }, { footerText: 'Footer', header: { type: 'text', text: 'Header' } })),
    list: () => sent(bot.sendList(person, 'Open', 'Body', { Title: [{ id: 'id', title: 'Row', description: 'Description' }] })),
    template: () => sent(bot.sendTemplate(person, 'hello_world', 'en_US')),
  },
});
