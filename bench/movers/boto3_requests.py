# What most Python code does: the object into memory with boto3, then out with requests.
#
#     boto3_requests.py STORE SINK BUCKET KEY N CONCURRENCY
#
# One untimed upload of the object o20k, then N of KEY; prints one line of JSON.
import json
import resource
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import requests
from botocore.config import Config

store, sink, bucket, key = sys.argv[1:5]
n, concurrency = int(sys.argv[5]), int(sys.argv[6])
s3 = boto3.client(
    "s3",
    endpoint_url=store,
    config=Config(max_pool_connections=max(10, concurrency), s3={"addressing_style": "path"}),
)
local = threading.local()


def upload(key):
    started = time.perf_counter()
    if not hasattr(local, "session"):
        local.session = requests.Session()
    file = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    response = local.session.post(
        sink + "/v25.0/1/media",
        data={"messaging_product": "whatsapp"},
        files={"file": ("x.txt", file, "text/plain")},
    )
    response.raise_for_status()
    response.json()["id"]
    return time.perf_counter() - started


upload("o20k")
before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
with ThreadPoolExecutor(concurrency) as pool:
    took = sorted(pool.map(upload, [key] * n))
wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
with open("/proc/self/status") as status:
    peak = int(status.read().split("VmHWM:")[1].split()[0])
print(json.dumps({
    "wall": wall,
    "user": after.ru_utime - before.ru_utime,
    "sys": after.ru_stime - before.ru_stime,
    "rss_kb": peak,
    "p50": took[n // 2],
    "p99": took[n * 99 // 100],
}))
