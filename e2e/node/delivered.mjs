// A program that `ferry dev -- node` runs: it posts a picture, sends it, and waits at the
// simulator's control API until the phone has it. It exits with the status of its argument.
import { readFile } from 'node:fs/promises';
import { PostWhatsAppMessageMediaCommand, SendWhatsAppMessageCommand, SocialMessagingClient } from '@aws-sdk/client-socialmessaging';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';

const { FERRY_BUCKET: Bucket, FERRY_PHONE_NUMBER_ID: phone, FERRY_SIMULATOR_CONTROL_URL: control, FILE } = process.env;
const social = new SocialMessagingClient();
const to = '16505551234';

await new S3Client().send(new PutObjectCommand({ Bucket, Key: 'photo.jpg', Body: await readFile(FILE), ContentType: 'image/jpeg' }));
const post = () => social.send(new PostWhatsAppMessageMediaCommand({ originationPhoneNumberId: phone, sourceS3File: { bucketName: Bucket, key: 'photo.jpg' } }));
const send = (mediaId, caption) => social.send(new SendWhatsAppMessageCommand({
  originationPhoneNumberId: phone, metaApiVersion: 'v23.0',
  message: Buffer.from(JSON.stringify({ messaging_product: 'whatsapp', to: `+${to}`, type: 'image', image: { id: mediaId, caption } })),
}));
const delivered = (parameters) => fetch(`${control}/_ferry/await?${new URLSearchParams({ for: 'message', to, status: 'delivered', timeout: '30s', ...parameters })}`);

const { mediaId } = await post();
await send(mediaId, 'before');
await delivered({ contains: 'before' });
const { mark } = await (await fetch(`${control}/_ferry/mark`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' })).json();
const none = await delivered({ since: mark, timeout: '10ms' });
await send(mediaId, 'after');
const found = await (await delivered({ since: mark })).json();

console.log(JSON.stringify({ mediaId, none: none.status, messages: found.messages.map(({ content }) => content) }));
process.exit(Number(process.argv[2]));
