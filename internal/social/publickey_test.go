package social_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"ferry/internal/kms"
	"ferry/internal/secret"
	"ferry/socialmessaging"
)

const keyARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd"

// publicKey returns the public half of a new key, as DER and as PEM.
func publicKey(t *testing.T, key any) (der []byte, text string) {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestPublicKeyIsSetAndReturned(t *testing.T) {
	_, text := publicKey(t, rsaKey(t, 2048).Public())
	w, meta := scripted(t, map[string][]string{
		"POST /1/whatsapp_business_encryption": {`{"success":true}`, "cut"},
		"GET /1/whatsapp_business_encryption":  {`{"data":[{"business_public_key":"PEM","business_public_key_signature_status":"MISMATCH"}]}`, `{"data":[]}`},
	})
	client, ctx := w.client(w.key), t.Context()
	put := &socialmessaging.PutWhatsAppBusinessPublicKeyInput{OriginationPhoneNumberId: &w.phone, BusinessPublicKey: &text}
	_, err := client.PutWhatsAppBusinessPublicKey(ctx, put)
	w.must(err)
	meta.checkRequests(t, "POST /1/whatsapp_business_encryption business_public_key="+url.QueryEscape(text))
	if line := lastLine(t, w.log); line["phone_number_id"] != strings.TrimPrefix(w.phone, "phone-number-id-") {
		t.Errorf("logged %v", line)
	}
	checkException(t, errOf(client.PutWhatsAppBusinessPublicKey(ctx, put)), "DependencyException", "GetWhatsAppBusinessPublicKey shows")
	get := &socialmessaging.GetWhatsAppBusinessPublicKeyInput{OriginationPhoneNumberId: &w.phone}
	key, err := client.GetWhatsAppBusinessPublicKey(ctx, get)
	w.must(err)
	if *key.BusinessPublicKey != "PEM" || *key.BusinessPublicKeySignatureStatus != "MISMATCH" {
		t.Errorf("%+v", key)
	}
	if key, err = client.GetWhatsAppBusinessPublicKey(ctx, get); err != nil || key.BusinessPublicKey != nil || key.BusinessPublicKeySignatureStatus != nil {
		t.Errorf("%+v, %v", key, err)
	}
}

func TestKeyThatMetaDoesNotTakeIsNotSent(t *testing.T) {
	_, good := publicKey(t, rsaKey(t, 2048).Public())
	_, long := publicKey(t, rsaKey(t, 3072).Public())
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, elliptical := publicKey(t, curve.Public())
	private := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey(t, 2048))}))
	w, meta := scripted(t, nil)
	put := func(key, arn *string) error {
		return errOf(w.client(w.key).PutWhatsAppBusinessPublicKey(t.Context(), &socialmessaging.PutWhatsAppBusinessPublicKeyInput{OriginationPhoneNumberId: &w.phone, BusinessPublicKey: key, KmsKeyArn: arn}))
	}
	for key, text := range map[string]string{
		long: "another kind or size", elliptical: "another kind or size", private: "is a private key", good + private: "is a private key", good + good: "not one PEM block",
		"AAAA": "not one PEM block", strings.ReplaceAll(good, "PUBLIC KEY", "CERTIFICATE"): "'CERTIFICATE'",
	} {
		checkException(t, put(&key, nil), "InvalidParametersException", text, "openssl rsa")
	}
	checkException(t, put(nil, nil), "InvalidParametersException", "exactly one of")
	checkException(t, put(&good, new(keyARN)), "InvalidParametersException", "exactly one of")
	checkException(t, put(nil, new(keyARN)), "InvalidParametersException", "not configured to read keys of KMS", "businessPublicKey")
	meta.checkRequests(t)
	if log := w.log.String(); strings.Contains(log, "PRIVATE") || strings.Contains(log, private[60:100]) {
		t.Error("the log has the private key")
	}
}

func TestPublicKeyOfKMSIsSet(t *testing.T) {
	der, text := publicKey(t, rsaKey(t, 2048).Public())
	long, _ := publicKey(t, rsaKey(t, 3072).Public())
	encoded := base64.StdEncoding.EncodeToString(der)
	good := fmt.Sprintf(`{"KeyId":"x","KeySpec":"RSA_2048","KeyUsage":"ENCRYPT_DECRYPT","PublicKey":"%s"}`, encoded)
	var status int
	var response string
	stand := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("X-Amz-Target") != "TrentService.GetPublicKey" || string(body) != `{"KeyId":"`+keyARN+`"}` || !strings.Contains(r.Header.Get("Authorization"), "/eu-central-1/kms/aws4_request") {
			t.Errorf("KMS received %v %s", r.Header, body)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, response)
	}))
	defer stand.Close()
	w, meta := scripted(t, map[string][]string{"POST /1/whatsapp_business_encryption": {`{"success":true}`}}, func(c *settings) {
		c.api.KMS = &kms.Config{Endpoint: stand.URL, AccessKeyID: "AKIATEST", SecretAccessKey: secret.New("s")}
	})
	in := &socialmessaging.PutWhatsAppBusinessPublicKeyInput{OriginationPhoneNumberId: &w.phone, KmsKeyArn: new(keyARN)}
	for _, row := range []struct {
		status               int
		response, code, text string
	}{
		{400, `{"__type":"NotFoundException","message":"secret text"}`, "ResourceNotFoundException", "KMS has no key '" + keyARN},
		{400, `{"__type":"AccessDeniedException","message":"secret text"}`, "AccessDeniedException", "kms:GetPublicKey"},
		{400, `{"__type":"DisabledException","message":"secret text"}`, "InvalidParametersException", "RSA_2048"},
		{400, `{"__type":"SomethingElse","message":"secret text"}`, "DependencyException", "SomethingElse"},
		{200, strings.ReplaceAll(good, encoded, base64.StdEncoding.EncodeToString(long)), "InvalidParametersException", "as WhatsApp requires"},
		{200, strings.ReplaceAll(good, encoded, "AAAA"), "DependencyException", "no public key"},
		{200, strings.ReplaceAll(good, "ENCRYPT_DECRYPT", "SIGN_VERIFY"), "InvalidParametersException", "SIGN_VERIFY"},
	} {
		status, response = row.status, row.response
		_, err := w.client(w.key).PutWhatsAppBusinessPublicKey(t.Context(), in)
		checkException(t, err, row.code, row.text)
		if exception, _ := socialmessaging.AsException(err); strings.Contains(exception.Message, "secret text") {
			t.Errorf("%q has KMS's own text", exception.Message)
		}
	}
	meta.checkRequests(t)
	status, response = 200, good
	key := w.newKey(account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"social-messaging:*","Resource":"*"}]}`)
	_, err := w.client(key).PutWhatsAppBusinessPublicKey(t.Context(), in)
	checkException(t, err, "AccessDeniedException", "kms:GetPublicKey", keyARN)
	meta.checkRequests(t)
	_, err = w.client(w.key).PutWhatsAppBusinessPublicKey(t.Context(), in)
	w.must(err)
	meta.checkRequests(t, "POST /1/whatsapp_business_encryption business_public_key="+url.QueryEscape(text))
}
