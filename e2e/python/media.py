"""Calls the four media operations and prints one JSON object with their
responses. S3_… are the settings of a store whose keys differ from ferry's; the
other settings are those of the env file of ferry dev."""

import json
import os

import boto3
from botocore.config import Config

bucket, phone, waba = (os.environ[name] for name in ("FERRY_BUCKET", "FERRY_PHONE_NUMBER_ID", "FERRY_WABA_ID"))
s3 = boto3.client("s3", aws_access_key_id=os.environ.get("S3_ACCESS_KEY_ID"), aws_secret_access_key=os.environ.get("S3_SECRET_ACCESS_KEY"),
                  config=Config(signature_version=os.environ.get("S3_SIGNATURE")))
social = boto3.client("socialmessaging")

with open(os.environ["FILE"], "rb") as file:
    data = file.read()
s3.put_object(Bucket=bucket, Key="photo.jpg", Body=data, ContentType="image/jpeg")
source = {"bucketName": bucket, "key": "photo.jpg"}

media_id = social.post_whatsapp_message_media(originationPhoneNumberId=phone, sourceS3File=source)["mediaId"]
names = {"mediaId": media_id, "originationPhoneNumberId": phone}
told = social.get_whatsapp_message_media(**names, metadataOnly=True)
social.get_whatsapp_message_media(**names, destinationS3File={"bucketName": bucket, "key": "back/"})
put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "signed.jpg", "ContentType": "image/jpeg"})
social.get_whatsapp_message_media(**names, destinationS3PresignedUrl={"url": put, "headers": {"Content-Type": "image/jpeg"}})
handle = social.create_whatsapp_message_template_media(id=waba, sourceS3File=source)["metaHeaderHandle"]
deleted = social.delete_whatsapp_message_media(**names)["success"]
try:
    social.get_whatsapp_message_media(**names, metadataOnly=True)
    after = "still there"
except social.exceptions.ResourceNotFoundException:
    after = "gone"

print(json.dumps({
    "mimeType": told["mimeType"], "fileSize": told["fileSize"] == len(data), "handle": handle[:3], "deleted": deleted, "after": after,
    "back": s3.get_object(Bucket=bucket, Key=f"back/{media_id}.jpeg")["Body"].read() == data,
    "signed": s3.get_object(Bucket=bucket, Key="signed.jpg")["Body"].read() == data,
}))
