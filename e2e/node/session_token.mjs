// Uploads a file and sends a message with the AWS SDK for JavaScript. All its settings, the
// session token too, are in the environment. It prints the media id and the message id.
import { PostWhatsAppMessageMediaCommand, SendWhatsAppMessageCommand, SocialMessagingClient } from '@aws-sdk/client-socialmessaging';

const { BUCKET: bucketName, PHONE: originationPhoneNumberId } = process.env;
const social = new SocialMessagingClient();
const { mediaId } = await social.send(new PostWhatsAppMessageMediaCommand({ originationPhoneNumberId, sourceS3File: { bucketName, key: 'a.jpg' } }));
const message = Buffer.from(JSON.stringify({ messaging_product: 'whatsapp', to: '+16505551234', type: 'image', image: { id: mediaId } }));
const { messageId } = await social.send(new SendWhatsAppMessageCommand({ originationPhoneNumberId, metaApiVersion: 'v23.0', message }));
console.log(mediaId, messageId);
