"""The paginator of ListLinkedWhatsAppBusinessAccounts with one account a page:
prints the ids of each page as a JSON array a line."""

import json

import boto3

paginator = boto3.client("socialmessaging").get_paginator("list_linked_whatsapp_business_accounts")
for page in paginator.paginate(PaginationConfig={"PageSize": 1}):
    print(json.dumps([account["id"] for account in page["linkedAccounts"]]))
