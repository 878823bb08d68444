// What the programs share: their settings, from the environment, and how they print
// what happened.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

const { META_TOKEN: token, META_APP: app, META_WABA: account, META_PHONE: phone, MEDIA_FILE: path, MEDIA_TYPE: type } = process.env;

export const settings = { token, app, account, phone, type, name: basename(path), content: readFileSync(path) };

export const digest = (bytes) => createHash('sha256').update(Buffer.from(bytes)).digest('hex');

export const print = (outcome) => console.log(JSON.stringify(outcome));

// attempt returns Meta's code, type and message of a call that is to fail. Clients
// report them in their error, or in its member response.
export async function attempt(call) {
  let failure;
  try {
    await call();
  } catch (error) {
    failure = error;
  }
  if (!failure) throw new Error('a call that is to fail succeeded');
  const { code, type, message } = failure.response ?? failure;
  return { code, type, message };
}
