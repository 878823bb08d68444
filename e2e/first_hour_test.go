package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// nonsense returns the environment of a developer whose shell is set up for
// something else: every setting that could lead an AWS SDK, the AWS CLI or an HTTP
// client elsewhere has a value that cannot work.
func nonsense(t testing.TB) []string {
	t.Helper()
	home := t.TempDir()
	config := filepath.Join(home, "config")
	text := "[default]\nregion = eu-west-3\nignore_configured_endpoint_urls = true\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n" +
		"role_arn = arn:aws:iam::999988887777:role/x\nsource_profile = base\n" +
		"[profile base]\naws_access_key_id = ASIANONSENSE00000000\naws_secret_access_key = nonsense\naws_session_token = nonsense\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + os.TempDir(), "LANG=C.UTF-8", "AWS_MAX_ATTEMPTS=1", "AWS_PAGER="}
	for name, value := range map[string]string{
		"AWS_PROFILE": "nonsense", "AWS_DEFAULT_PROFILE": "nonsense", "AWS_CONFIG_FILE": config,
		"AWS_ACCESS_KEY_ID": "ASIANONSENSE00000000", "AWS_SECRET_ACCESS_KEY": "nonsense", "AWS_SESSION_TOKEN": "nonsense", "AWS_SECURITY_TOKEN": "nonsense",
		"AWS_CREDENTIAL_EXPIRATION": "2001-01-01T00:00:00Z", "AWS_CREDENTIAL_SCOPE": "nonsense", "AWS_ACCOUNT_ID": "999988887777",
		"AWS_WEB_IDENTITY_TOKEN_FILE": "/nonsense", "AWS_ROLE_ARN": "arn:aws:iam::999988887777:role/x", "AWS_ROLE_SESSION_NAME": "nonsense",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/nonsense", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN": "nonsense", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nonsense",
		"AWS_REGION": "nonsense", "AWS_DEFAULT_REGION": "nonsense", "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
		"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true",
		"AWS_AUTH_SCHEME_PREFERENCE": "httpBearerAuth", "AWS_SIGV4A_SIGNING_REGION_SET": "nonsense", "AWS_CA_BUNDLE": "/nonsense",
		"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1",
		"NO_PROXY": "example.com",
	} {
		env = append(env, name+"="+value)
	}
	return env
}

// boto3Program uploads an object, from the bucket and from a presigned URL.
const boto3Program = `
import boto3, os
bucket, phone = os.environ['FERRY_BUCKET'], os.environ['FERRY_PHONE_NUMBER_ID']
s3, social = boto3.client('s3'), boto3.client('socialmessaging')
s3.put_object(Bucket=bucket, Key='a.txt', Body=b'hello', ContentType='text/plain')
url = s3.generate_presigned_url('get_object', Params={'Bucket': bucket, 'Key': 'a.txt'})
for source in {'sourceS3File': {'bucketName': bucket, 'key': 'a.txt'}}, {'sourceS3PresignedUrl': {'url': url, 'headers': {'Content-Type': 'text/plain'}}}:
    print(social.post_whatsapp_message_media(originationPhoneNumberId=phone, **source)['mediaId'])
`

// firstCommands returns the commands that README.md has for the second terminal.
func firstCommands(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "    . ./ferry.env")
	_, rest, _ = strings.Cut(rest, "\n")
	commands, _, _ := strings.Cut(rest, "\n\nThe same call")
	if !found || strings.Count(commands, "aws ") < 3 {
		t.Fatalf("README.md has other first commands: %q", commands)
	}
	return commands
}

var mediaIDs = regexp.MustCompile(`(?m)"mediaId": ?"([0-9]+)"|^([0-9]+)$|"from(?:Bucket|Url)":"([0-9]+)"`)

// firstPrograms returns commands that make the first calls of a new user, by client.
func firstPrograms(t testing.TB) map[string]string {
	awsBinary(t)
	pythonBinary(t)
	return map[string]string{
		"AWS CLI": "cd '" + t.TempDir() + "'\n" + firstCommands(t),
		"boto3":   "python3 - <<'END'\n" + boto3Program + "\nEND",
		"Node.js": nodeBinary(t) + " node/quickstart.mjs",
		"ferry":   raceBuild.path(t) + " media post s3://$FERRY_BUCKET/first.txt",
	}
}

// wantFirstCalls runs programs in a shell that has sourced the env file.
func (w *devWorld) wantFirstCalls(t *testing.T, shell string, env []string, programs map[string]string) {
	w.putObject(t, "first.txt", []byte("hello\n"), "text/plain")
	for name, program := range programs {
		t.Run(shell+" "+name, func(t *testing.T) {
			stdout := mustRun(t, env, shell, "-euc", fmt.Sprintf(". '%s'\n%s", w.envFile, program))
			found := mediaIDs.FindAllStringSubmatch(stdout, -1)
			if len(found) == 0 {
				t.Fatalf("no media id in %s", stdout)
			}
			for _, groups := range found {
				id := groups[1] + groups[2] + groups[3]
				if media, err := w.sim.control.MediaByID(t.Context(), id); err != nil || media.Size < 5 {
					t.Errorf("media %s: %+v, %v", id, media, err)
				}
			}
		})
	}
}

func TestFirstCommandsWorkWhateverTheShellIsSetUpFor(t *testing.T) {
	programs, dev := firstPrograms(t), startDev(t, raceBuild)
	for _, shell := range []string{"sh", "bash"} {
		dev.wantFirstCalls(t, shell, nonsense(t), programs)
	}
}

func TestFirstCommandsWorkOverHTTPS(t *testing.T) {
	programs, dev := firstPrograms(t), startDev(t, raceBuild, "--tls")
	for _, name := range []string{"AWS_ENDPOINT_URL_SOCIALMESSAGING", "AWS_ENDPOINT_URL_S3", "FERRY_SIMULATOR_URL", "FERRY_SIMULATOR_CONTROL_URL"} {
		if !strings.HasPrefix(dev.values[name], "https://127.0.0.1:") {
			t.Errorf("%s is %s", name, dev.values[name])
		}
	}
	dev.wantFirstCalls(t, "sh", nonsense(t), programs)
	// Other clients: curl, and Python without boto3.
	const health = `$FERRY_SIMULATOR_CONTROL_URL/health`
	for name, command := range map[string]string{
		"curl":   `curl -sS --fail "` + health + `"`,
		"urllib": `python3 -c 'import urllib.request, sys; print(urllib.request.urlopen(sys.argv[1]).read().decode())' "` + health + `"`,
	} {
		if stdout := dev.shell(command); !strings.Contains(stdout, `"status": "ok"`) {
			t.Errorf("%s printed %q", name, stdout)
		}
	}
}
