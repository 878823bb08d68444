// What most Node code does: the object into memory with the AWS SDK, then a FormData into fetch.
//
//     sdk_fetch.mjs STORE SINK BUCKET KEY N CONCURRENCY
//
// One untimed upload of the object o20k, then N of KEY; prints one line of JSON.
// The SDK is looked for in the working directory.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { S3Client, GetObjectCommand } = createRequire(process.cwd() + "/")("@aws-sdk/client-s3");
const [store, sink, bucket, key, count, atOnce] = process.argv.slice(2);
const n = Number(count), concurrency = Number(atOnce);
const s3 = new S3Client({
  endpoint: store, forcePathStyle: true,
  requestHandler: { httpAgent: { maxSockets: Math.max(50, concurrency) }, httpsAgent: { maxSockets: Math.max(50, concurrency) } },
});

async function upload(key) {
  const started = performance.now();
  const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  const form = new FormData();
  form.append("messaging_product", "whatsapp");
  form.append("file", new Blob([await object.Body.transformToByteArray()], { type: "text/plain" }), "x.txt");
  const response = await fetch(sink + "/v25.0/1/media", { method: "POST", body: form });
  const answer = await response.json();
  if (!response.ok || !answer.id) throw new Error("status " + response.status);
  return (performance.now() - started) / 1000;
}

await upload("o20k");
const before = process.resourceUsage(), started = performance.now(), took = [];
let begun = 0;
await Promise.all(Array.from({ length: concurrency }, async () => {
  while (begun++ < n) took.push(await upload(key));
}));
const wall = (performance.now() - started) / 1000, after = process.resourceUsage();
took.sort((a, b) => a - b);
console.log(JSON.stringify({
  wall,
  user: (after.userCPUTime - before.userCPUTime) / 1e6,
  sys: (after.systemCPUTime - before.systemCPUTime) / 1e6,
  rss_kb: Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]),
  p50: took[n >> 1],
  p99: took[Math.floor(n * 0.99)],
}));
