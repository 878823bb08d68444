package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rogpeppe/go-internal/testscript"

	"ferry/internal/state/statetest"
	"ferry/metasim"
)

// onPostgres are the tests that use the database of the environment. The others have been run
// already when these run a second time, on PostgreSQL.
const onPostgres = "^(TestCommands|TestDoctorOfServe|TestConsoleOfServe|TestProxyNamesPeople|TestServer)"

func TestMain(m *testing.M) {
	if statetest.Default() == statetest.Postgres {
		if chosen := flag.Lookup("test.run"); chosen.Value.String() == "" {
			_ = chosen.Value.Set(onPostgres)
		}
	}
	testscript.Main(m, map[string]func(){"ferry": main})
}

// scripts returns the scripts of testdata: on PostgreSQL those with a database.
func scripts(t *testing.T) (files []string) {
	t.Helper()
	all, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(all) == 0 {
		t.Fatal("there are no scripts", err)
	}
	for _, file := range all {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if statetest.Default() == statetest.SQLite || strings.Contains(string(text), "$DATABASE") {
			files = append(files, file)
		}
	}
	return files
}

// TestCommands runs the command line as it is typed: testdata/*.txtar.
func TestCommands(t *testing.T) {
	statetest.Default().Require(t)
	testscript.Run(t, testscript.Params{
		Files: scripts(t),
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir) // not the AWS configuration of the user who runs the test
			env.Setenv("DATABASE", "ferry.db")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // otherwise each command takes a second longer with the race detector
			if err := os.CopyFS(filepath.Join(env.WorkDir, "seed"), os.DirFS("testdata/seed")); err != nil {
				return err
			}
			if statetest.Default() == statetest.Postgres {
				env.Setenv("DATABASE", statetest.Path(t))
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, negated bool, args []string){
			"await":    await,
			"load":     load,
			"samples":  samples,
			"exits":    exits,
			"advised":  advised,
			"put":      put,
			"fault":    fault,
			"uploads":  countUploads,
			"sent":     countMessages,
			"calls":    callServer,
			"webhook":  setWebhook,
			"inbound":  receiveInbound,
			"review":   setReview,
			"judge":    judgeTemplate,
			"again":    triggerAgain,
			"delivery": usualDelivery,
			"hooked":   awaitWebhook,
			"changed":  awaitTemplate,
			"receiver": startReceiver,
			"received": awaitReceived,
		},
	})
}

// await waits until a file exists, or until it contains a text: await FILE [TEXT].
func await(ts *testscript.TestScript, _ bool, args []string) {
	path, text := ts.MkAbs(args[0]), strings.Join(args[1:], " ")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if content, err := os.ReadFile(path); err == nil && strings.Contains(string(content), text) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s does not appear", strings.Join(args, ": "))
		}
	}
}

// load changes the environment as a file of the lines `export NAME='value'` and
// `unset NAME...` says: load FILE. It leaves out values that extend another.
func load(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if names, unset := strings.CutPrefix(line, "unset "); unset {
			for name := range strings.FieldsSeq(names) {
				ts.Setenv(name, "")
			}
			continue
		}
		if strings.HasPrefix(line, "#") || strings.Contains(line, "${") {
			continue
		}
		name, value, isSet := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if !isSet {
			ts.Fatalf("%s: %q sets nothing", args[0], line)
		}
		ts.Setenv(name, strings.Trim(value, "'"))
	}
}

// put writes small text files, or a file, to the bucket of the world whose environment is
// loaded: put [--text TEXT] [--file FILE] [--type TYPE] KEY...; an object whose key ends with
// a slash is empty.
func put(ts *testscript.TestScript, _ bool, args []string) {
	options := map[string]string{"--type": "text/plain"}
	for ; strings.HasPrefix(args[0], "--"); args = args[2:] {
		options[args[0]] = args[1]
	}
	bucket := s3.New(s3.Options{
		Region: ts.Getenv("AWS_REGION"), BaseEndpoint: aws.String(ts.Getenv("AWS_ENDPOINT_URL_S3")), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(ts.Getenv("AWS_ACCESS_KEY_ID"), ts.Getenv("AWS_SECRET_ACCESS_KEY"), ""),
	})
	for _, key := range args {
		body := cmp.Or(options["--text"], key+"\n")
		body = body[max(len(body)-8, 0):]
		switch {
		case options["--file"] != "":
			body = ts.ReadFile(options["--file"])
		case strings.HasSuffix(key, "/"):
			body = ""
		}
		_, err := bucket.PutObject(context.Background(), &s3.PutObjectInput{
			Bucket: aws.String(ts.Getenv("FERRY_BUCKET")), Key: &key, Body: strings.NewReader(body), ContentType: aws.String(options["--type"]),
		})
		ts.Check(err)
	}
}

// fault makes WhatsApp fail, through the simulator's control API: fault JSON.
func fault(ts *testscript.TestScript, _ bool, args []string) {
	var fault metasim.Fault
	ts.Check(json.Unmarshal([]byte(args[0]), &fault))
	_, err := simulatorControl(ts).AddFault(context.Background(), fault)
	ts.Check(err)
}

// simulatorControl returns a client of the control API of the world that a script started.
func simulatorControl(ts *testscript.TestScript) *metasim.ControlClient {
	return metasim.NewControlClient(ts.Getenv("FERRY_SIMULATOR_CONTROL_URL"), nil)
}

// countUploads checks how many files were uploaded to WhatsApp since the world started: uploads N.
func countUploads(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	list, err := simulatorControl(ts).Media(context.Background())
	ts.Check(err)
	if list.Total != want {
		ts.Fatalf("WhatsApp has %d files, want %d", list.Total, want)
	}
}

// countMessages checks how many messages contain a text: sent TEXT N.
func countMessages(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	list, err := simulatorControl(ts).Messages(context.Background())
	ts.Check(err)
	count := 0
	for _, message := range list.Messages {
		if strings.Contains(string(message.Content), args[0]) {
			count++
		}
	}
	if count != want {
		ts.Fatalf("%d messages contain %q, want %d", count, args[0], want)
	}
}

// logged returns a value from the log of a server.
func logged(ts *testscript.TestScript, log, name string) string {
	_, value, _ := strings.Cut(ts.ReadFile(log), " "+name+"=")
	value, _, _ = strings.Cut(value, " ")
	return value
}

// callServer makes the commands call the server with a log: calls LOG.
func callServer(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv("AWS_ENDPOINT_URL_SOCIALMESSAGING", "http://"+logged(ts, args[0], "address"))
}

// setWebhook sets the callback URL of the simulator's apps to that of the server with a
// log, which the simulator then verifies: webhook LOG TOKEN.
func setWebhook(ts *testscript.TestScript, negated bool, args []string) {
	at := logged(ts, args[0], "webhooks")
	err := simulatorControl(ts).SetAppWebhook(context.Background(), "", "http://"+at, args[1])
	if (err != nil) != negated {
		ts.Fatalf("setting http://%s as the webhook: %v", at, err)
	}
}

// receiveInbound makes a person write a text to a phone number of the world: inbound META-ID TEXT.
func receiveInbound(ts *testscript.TestScript, _ bool, args []string) {
	_, err := simulatorControl(ts).Receive(context.Background(), args[0], metasim.Inbound{From: "16505551234", Text: &metasim.InboundText{Body: args[1]}})
	ts.Check(err)
}

// triggerAgain triggers the event of a line that ferry events tail --json has printed: again FILE FLAG....
func triggerAgain(ts *testscript.TestScript, _ bool, args []string) {
	var event struct{ ID string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &event))
	ts.Check(ts.Exec("ferry", append([]string{"trigger", "webhook", "--from", event.ID}, args[1:]...)...))
}

// usualDelivery checks that webhooks are delivered as the world delivered them at its start.
func usualDelivery(ts *testscript.TestScript, _ bool, _ []string) {
	how, err := simulatorControl(ts).WebhookDelivery(context.Background())
	ts.Check(err)
	if how != (metasim.WebhookDelivery{}) {
		ts.Fatalf("webhooks are delivered like this: %+v", how)
	}
}

// awaitWebhook waits until ferry has received a webhook that contains a text: hooked TEXT.
func awaitWebhook(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := simulatorControl(ts).Wait(ctx, metasim.Wait{For: metasim.WaitWebhook, Contains: args[0], State: metasim.WebhookDelivered})
	ts.Check(err)
}

// awaitTemplate waits until a template of the simulator contains a text: changed NAME TEXT.
func awaitTemplate(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		list, err := simulatorControl(ts).Templates(context.Background(), "")
		ts.Check(err)
		for _, template := range list.Templates {
			if template.Name == args[0] && strings.Contains(string(template.Components), args[1]) {
				return
			}
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the template %s does not contain %q", args[0], args[1])
		}
	}
}
