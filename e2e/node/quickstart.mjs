// A program that uses `ferry dev`. All its settings are in the environment that
// the env file sets. It prints one JSON object.
import { GetLinkedWhatsAppBusinessAccountCommand, GetLinkedWhatsAppBusinessAccountPhoneNumberCommand, ListLinkedWhatsAppBusinessAccountsCommand,
  PostWhatsAppMessageMediaCommand, SocialMessagingClient } from '@aws-sdk/client-socialmessaging';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

const { FERRY_BUCKET: Bucket, FERRY_PHONE_NUMBER_ID: phone, FERRY_WABA_ID: waba } = process.env;
const s3 = new S3Client();
const social = new SocialMessagingClient();

const { linkedAccounts } = await social.send(new ListLinkedWhatsAppBusinessAccountsCommand({}));
const { account } = await social.send(new GetLinkedWhatsAppBusinessAccountCommand({ id: waba }));
const { phoneNumber } = await social.send(new GetLinkedWhatsAppBusinessAccountPhoneNumberCommand({ id: phone }));

await s3.send(new PutObjectCommand({ Bucket, Key: 'a.txt', Body: 'hello', ContentType: 'text/plain' }));
const fromBucket = await social.send(new PostWhatsAppMessageMediaCommand({
  originationPhoneNumberId: phone, sourceS3File: { bucketName: Bucket, key: 'a.txt' },
}));
const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'a.txt' }), { expiresIn: 60 });
const fromUrl = await social.send(new PostWhatsAppMessageMediaCommand({
  originationPhoneNumberId: phone, sourceS3PresignedUrl: { url, headers: { 'Content-Type': 'text/plain' } },
}));

console.log(JSON.stringify({
  listed: linkedAccounts.map(({ id }) => id), name: account.wabaName, linkedSince: account.linkDate instanceof Date,
  numbers: account.phoneNumbers.map(({ phoneNumberId }) => phoneNumberId), display: phoneNumber.displayPhoneNumber, number: phoneNumber.phoneNumber,
  fromBucket: fromBucket.mediaId, fromUrl: fromUrl.mediaId,
}));
