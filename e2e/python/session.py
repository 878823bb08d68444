"""Makes calls with boto3, or with version 1 of the AWS CLI in the same process. Prints
the names of the operations that the client has as one line of JSON, and then, for each
line of JSON {"operation", "input"} on standard input, its outcome."""

import contextlib
import io
import json
import sys

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

client = boto3.client("socialmessaging", config=Config(retries={"total_max_attempts": 1}))


def with_boto3(operation, given):
    try:
        output = getattr(client, xform_name(operation))(**given)
    except ClientError as error:
        return {"error": {"name": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]}}
    output.pop("ResponseMetadata")
    return {"output": output}


def with_cli(operation, given):
    printed, told = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(told):
        status = driver.main(["socialmessaging", xform_name(operation, "-"), "--cli-input-json", json.dumps(given)])
    texts = []
    for stream in printed, told:
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    if status != 0:
        return {"error": {"name": f"status {status}", "message": texts[1]}}
    return {"output": json.loads(texts[0] or "{}")}


if sys.argv[1] == "cli":
    from awscli.clidriver import create_clidriver

    driver = create_clidriver()
call = {"boto3": with_boto3, "cli": with_cli}[sys.argv[1]]
print(json.dumps(client.meta.service_model.operation_names), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps(call(request["operation"], request["input"]), default=str), flush=True)
