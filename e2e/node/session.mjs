// Makes calls with the AWS SDK for JavaScript: one per line of JSON on standard
// input, with its outcome as a line on standard output. See node_session_test.go.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const social = require('@aws-sdk/client-socialmessaging');
const { S3Client, GetObjectCommand, PutObjectCommand } = require('@aws-sdk/client-s3');
const { getSignedUrl } = require('@aws-sdk/s3-request-presigner');

const exceptions = Object.keys(social).filter((name) => name.endsWith('Exception'));
const operations = Object.keys(social).filter((name) => /^[A-Z].+Command$/.test(name)).map((name) => name.slice(0, -'Command'.length));
const clients = new Map();

function client(call) {
  const { endpoint, region, keyId, secret, clockOffset } = call;
  const make = () => new social.SocialMessagingClient({
    endpoint, region, credentials: { accessKeyId: keyId, secretAccessKey: secret },
    maxAttempts: 1, systemClockOffset: clockOffset ?? 0,
  });
  if (clockOffset) return make(); // the SDK corrects its clock by the time of a response
  const name = JSON.stringify([endpoint, region, keyId, secret]);
  if (!clients.has(name)) clients.set(name, make());
  return clients.get(name);
}

async function presign({ operation, endpoint, region, keyId, secret, pathStyle, seconds, input }) {
  const s3 = new S3Client({
    endpoint, region, forcePathStyle: pathStyle ?? false, credentials: { accessKeyId: keyId, secretAccessKey: secret },
  });
  const command = operation === 'presignPut' ? new PutObjectCommand(input) : new GetObjectCommand(input);
  return getSignedUrl(s3, command, { expiresIn: seconds });
}

async function list(call) {
  const pages = [];
  for await (const page of social.paginateListLinkedWhatsAppBusinessAccounts({ client: client(call), pageSize: call.input.maxResults }, {})) {
    pages.push(page.linkedAccounts);
  }
  return pages;
}

async function perform(call) {
  if (call.operation.startsWith('presign')) return presign(call);
  if (call.operation === 'paginate') return list(call);
  if (call.operation === 'operations') return operations;
  const { $metadata, ...output } = await client(call).send(new social[`${call.operation}Command`](call.input));
  return output;
}

for await (const line of createInterface({ input: process.stdin })) {
  let outcome;
  try {
    outcome = { output: await perform(JSON.parse(line)) };
  } catch (error) {
    outcome = {
      error: {
        name: error.name, message: error.message,
        instanceOf: exceptions.filter((name) => error instanceof social[name]),
        status: error.$metadata?.httpStatusCode ?? 0, requestId: error.$metadata?.requestId ?? '',
      },
    };
  }
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
