// The environment that points programs at a world: what they need, and what of
// the developer's own settings would lead them elsewhere.

package local

import (
	"strings"

	"ferry/internal/gateway"
)

// A Variable is an environment variable as a program in a world needs it.
type Variable struct {
	Name, Value string
	Unset       bool // it must not be set
	Extends     bool // Value is put in front of the existing value, separated by a comma
}

// Environment returns the environment of a program that uses the world, for AWS
// SDKs, the AWS CLI, clients of Meta's Cloud API and ferry's own commands.
func (w *World) Environment() []Variable {
	set := func(name, value string) Variable { return Variable{Name: name, Value: value} }
	variables := []Variable{
		set("AWS_ENDPOINT_URL_SOCIALMESSAGING", w.APIURL),
		set("AWS_ENDPOINT_URL_S3", w.S3URL),
		set("AWS_ACCESS_KEY_ID", w.AccessKeyID),
		set("AWS_SECRET_ACCESS_KEY", w.SecretAccessKey.Reveal()),
		set("AWS_REGION", w.Region),
		set("AWS_DEFAULT_REGION", w.Region),
		set("FERRY_WABA_ID", w.BusinessAccountID),
		set("FERRY_PHONE_NUMBER_ID", w.PhoneNumberID),
		set("FERRY_PHONE_NUMBER_ID_2", PhoneNumberID2),
		set("FERRY_BUCKET", Bucket),
		set("FERRY_SIMULATOR_URL", w.SimulatorURL),
		set("FERRY_SIMULATOR_CONTROL_URL", w.ControlURL),
		set("FERRY_WEBHOOK_URL", w.APIURL+gateway.WebhookPath),
		// The names that Meta's own SDK for Node.js and its successors read.
		set("CLOUD_API_VERSION", GraphVersion),
		set("CLOUD_API_ACCESS_TOKEN", w.MetaToken.Reveal()),
		set("WA_BUSINESS_ACCOUNT_ID", MetaAccountID),
		set("WA_PHONE_NUMBER_ID", MetaPhoneNumberID),
		set("WA_PHONE_NUMBER_ID_2", MetaPhoneNumberID2),
		set("M4D_APP_ID", MetaAppID),
		set("M4D_APP_SECRET", metaAppSecret),
		set("WEBHOOK_VERIFICATION_TOKEN", webhookVerifyToken),
	}
	variables = append(variables, w.trust()...)
	variables = append(variables, overrides()...)
	// Python and curl send requests for this machine to a proxy, too.
	own := "127.0.0.1,localhost,::1"
	if host := w.publicHost(); host != "" {
		own += "," + host
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		variables = append(variables, Variable{Name: name, Value: own, Extends: true})
	}
	return variables
}

// trust returns the settings by which programs trust the world's certificate.
func (w *World) trust() []Variable {
	if w.authority == nil {
		return []Variable{{Name: "AWS_CA_BUNDLE", Unset: true}} // aws-sdk-go-v2 reads the file even for http
	}
	variables := []Variable{{Name: "NODE_EXTRA_CA_CERTS", Value: w.authority.caFile}} // in addition to Node's own
	for _, name := range []string{
		"AWS_CA_BUNDLE",                        // AWS SDKs for Python and Go, AWS CLI
		"SSL_CERT_FILE",                        // Go, OpenSSL and so Python's ssl and httpx, Ruby, Rust
		"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", // Python's requests, curl
	} {
		variables = append(variables, Variable{Name: name, Value: w.authority.bundle}) // instead of the system's
	}
	return variables
}

// overrides returns what of a developer's own settings would win over those above,
// or break them, in the AWS CLI or an AWS SDK. A test sets each to nonsense.
func overrides() []Variable {
	var variables []Variable
	for _, name := range strings.Fields(`
		AWS_PROFILE AWS_DEFAULT_PROFILE
		AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_CREDENTIAL_EXPIRATION AWS_CREDENTIAL_SCOPE AWS_ACCOUNT_ID
		AWS_WEB_IDENTITY_TOKEN_FILE AWS_ROLE_ARN AWS_ROLE_SESSION_NAME
		AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_CONTAINER_CREDENTIALS_FULL_URI
		AWS_CONTAINER_AUTHORIZATION_TOKEN AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
		AWS_AUTH_SCHEME_PREFERENCE AWS_SIGV4A_SIGNING_REGION_SET`) {
		variables = append(variables, Variable{Name: name, Unset: true})
	}
	// Set, not unset: the environment wins over the shared configuration file.
	for _, name := range []string{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"} {
		variables = append(variables, Variable{Name: name, Value: "false"})
	}
	return variables
}
