package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ferry/socialmessaging"
)

func hasAll(string) bool { return true }

// walkWithMethods calls the methods of ferry's Go client.
func walkWithMethods(t *testing.T, w *world) (func(string) bool, func(string, members) outcome) {
	client := reflect.ValueOf(w.client())
	return hasAll, func(operation string, input members) outcome {
		method := client.MethodByName(operation)
		if !method.IsValid() {
			t.Fatalf("the Go client has no method %s", operation)
		}
		in := reflect.New(method.Type().In(1).Elem())
		fillShape(t, in.Elem(), encoded(input).(members))
		results := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
		if err, _ := results[1].Interface().(error); err != nil {
			return failed(t, err)
		}
		output, err := socialmessaging.Encode(results[0].Interface())
		if err != nil {
			t.Fatal(err)
		}
		return outcome{Output: output}
	}
}

// fillShape sets the members of an input by their names on the wire, which those in the
// query have, too.
func fillShape(t testing.TB, shape reflect.Value, input members) {
	t.Helper()
	for i := range shape.NumField() {
		tag := shape.Type().Field(i).Tag
		name, _, _ := strings.Cut(tag.Get("json"), ",")
		if query := tag.Get("query"); query != "" {
			name = query
		}
		value, given := input[name]
		if !given {
			continue
		}
		text, err := json.Marshal(value)
		if err == nil {
			err = json.Unmarshal(text, shape.Field(i).Addr().Interface())
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// failed returns the outcome of a call that ended with an exception.
func failed(t testing.TB, err error) (result outcome) {
	t.Helper()
	exception, ok := socialmessaging.AsException(err)
	if !ok {
		t.Fatal(err)
	}
	text, err := json.Marshal(members{"error": members{"name": exception.Code, "message": exception.Message, "status": exception.Status, "requestId": exception.RequestID}})
	if err == nil {
		err = json.Unmarshal(text, &result)
	}
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// walkWithFerry runs `ferry call`.
func walkWithFerry(t *testing.T, w *world) (func(string) bool, func(string, members) outcome) {
	env := w.cliEnv()
	return hasAll, func(operation string, input members) outcome {
		text, err := json.Marshal(encoded(input))
		if err != nil {
			t.Fatal(err)
		}
		stdout, stderr, status := run(t, env, string(text), w.in.program, "call", operation, "--input", "-")
		if status != 0 {
			t.Fatalf("ferry call %s: status %d: %s", operation, status, stderr)
		}
		return outcome{Output: json.RawMessage(stdout)}
	}
}

func walkWithNode(t *testing.T, w *world) (func(string) bool, func(string, members) outcome) {
	node := startNode(t, w.ferry.url, w.key)
	var names []string
	if err := json.Unmarshal(node.call("operations", members{}).Output, &names); err != nil {
		t.Fatal(err)
	}
	return func(operation string) bool { return slices.Contains(names, operation) },
		func(operation string, input members) outcome { return node.call(operation, input) }
}

// cliPython finds a python3 that has version 1 of the AWS CLI as a package: its calls
// are made in one process, because each start of the CLI takes about a second.
func cliPython(t testing.TB) string {
	t.Helper()
	path := pythonBinary(t)
	if err := exec.Command(path, "-c", "import awscli.clidriver").Run(); err != nil {
		missingOnMachine(t, "the AWS CLI as a package of python3", "'python3 -m pip install awscli' installs it")
	}
	return path
}

// walkWithPython makes the calls in a process of python/session.py.
func walkWithPython(t *testing.T, w *world, client string, find func(testing.TB) string) (func(string) bool, func(string, members) outcome) {
	cmd := exec.Command(find(t), "python/session.py", client)
	cmd.Env = w.pythonEnv(w.ferry.url)
	stderr := newTranscript()
	cmd.Stderr = stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = input.Close() // which ends the process
		if err := cmd.Wait(); err != nil {
			t.Errorf("session.py %s: %v\n%s", client, err, stderr)
		}
	})
	output := bufio.NewScanner(stdout)
	output.Buffer(nil, 1<<20)
	read := func(into any) {
		if !output.Scan() {
			_, _ = io.Copy(io.Discard, stdout)
			t.Fatalf("session.py %s ended:\n%s", client, stderr)
		}
		decode(t, output.Text(), into)
	}
	var names []string
	read(&names)
	return func(operation string) bool { return slices.Contains(names, operation) }, func(operation string, in members) (result outcome) {
		text, err := json.Marshal(members{"operation": operation, "input": in})
		if err == nil {
			_, err = input.Write(append(text, '\n'))
		}
		if err != nil {
			t.Fatal(err)
		}
		read(&result)
		return result
	}
}
