"""Makes calls that fail. Reads {"calls": [{"operation", "input"}]} from standard
input and prints one JSON object per line: what was raised, and whether it is an
instance of the client's class of that name."""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

client = boto3.client("socialmessaging", config=Config(retries={"total_max_attempts": 1}))

for call in json.load(sys.stdin)["calls"]:
    try:
        output = getattr(client, call["operation"])(**call["input"])
        output.pop("ResponseMetadata")
        print(json.dumps({"output": output}, default=str))
    except ClientError as error:
        name = error.response["Error"]["Code"]
        typed = getattr(client.exceptions, name, None)
        print(json.dumps({"error": {
            "name": name,
            "instanceOf": [name] if typed and isinstance(error, typed) else [],
            "message": error.response["Error"]["Message"],
            "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
            "requestId": error.response["ResponseMetadata"].get("RequestId", ""),
        }}))
