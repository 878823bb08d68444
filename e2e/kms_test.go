package e2e

import (
	"strings"
	"testing"
)

// The key of a flow's endpoint is in a server that stands for KMS.
func TestPublicKeyComesFromKMS(t *testing.T) {
	kms := startMoto(t)
	dev := startDev(t, raceBuild, "--kms-endpoint", kms)
	ferry := raceBuild.path(t)
	printed := dev.shell(`export AWS_ENDPOINT_URL_KMS=` + kms + `
arn=$(python3 -c "
import boto3
print(boto3.client('kms').create_key(KeySpec='RSA_2048', KeyUsage='ENCRYPT_DECRYPT')['KeyMetadata']['Arn'])")
` + ferry + ` call PutWhatsAppBusinessPublicKey --input '{"originationPhoneNumberId": "'$FERRY_PHONE_NUMBER_ID'", "kmsKeyArn": "'$arn'"}'
` + ferry + ` call GetWhatsAppBusinessPublicKey --input '{"originationPhoneNumberId": "'$FERRY_PHONE_NUMBER_ID'"}'
python3 -c "
import base64, boto3
print(base64.b64encode(boto3.client('kms').get_public_key(KeyId='$arn')['PublicKey']).decode())"`)
	lines := strings.Split(strings.TrimSpace(printed), "\n")
	der := lines[len(lines)-1]
	if got := strings.ReplaceAll(printed, `\n`, ""); len(der) < 300 || strings.Count(got, der) != 2 || !strings.Contains(got, "BEGIN PUBLIC KEY") || !strings.Contains(got, `"VALID"`) {
		t.Errorf("printed\n%s", printed)
	}
}
