package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// required reports whether a part that 'make test' installs must exist.
func required() bool { return os.Getenv("FERRY_E2E") == "require" }

// installsPackages reports whether 'make test' installs packages of the system here.
func installsPackages() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil && os.Geteuid() == 0
}

// missingTool skips or fails a test for want of a part that 'make test' installs.
func missingTool(t testing.TB, part, remedy string) {
	t.Helper()
	if required() {
		t.Fatalf("%s is missing; %s", part, remedy)
	}
	t.Skipf("skipped: %s is missing; %s", part, remedy)
}

// missingOnMachine skips a test for want of a part that 'make test' does not install.
func missingOnMachine(t testing.TB, part, remedy string) {
	t.Helper()
	t.Skipf("skipped: %s is missing; %s", part, remedy)
}

func versitygwBinary(t testing.TB) string {
	t.Helper()
	path := os.Getenv("FERRY_VERSITYGW")
	if path == "" {
		path = filepath.Join("..", ".tools", "versitygw")
	}
	absolute, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(absolute)
	}
	if err != nil {
		missingTool(t, "versitygw", "'make tools' builds it")
	}
	return absolute
}

// nodeBinary finds node and the packages of e2e/node.
func nodeBinary(t testing.TB) string {
	t.Helper()
	return nodeWith(t, "the AWS SDK for JavaScript", "node", "@aws-sdk", "client-socialmessaging")
}

// metaClientsBinary finds node and the packages of e2e/node-meta.
func metaClientsBinary(t testing.TB) string {
	t.Helper()
	return nodeWith(t, "Meta's SDK for Node.js", "node-meta", "facebook-nodejs-business-sdk")
}

// managingClients finds node and the clients of e2e/node-meta that manage accounts.
func managingClients(t testing.TB) string {
	t.Helper()
	metaClientsBinary(t)
	return nodeWith(t, "whatsapp-business", "node-meta", "whatsapp-business")
}

// nodeWith finds node, and a package in the directory of this module.
func nodeWith(t testing.TB, what, directory string, name ...string) string {
	t.Helper()
	missing := missingOnMachine
	if _, err := exec.LookPath("npm"); err == nil || installsPackages() {
		missing = missingTool
	}
	path, err := exec.LookPath("node")
	if err != nil {
		missing(t, "node", "'make node' installs it as root, or install Node.js 20 or later with npm")
	}
	if _, err := os.Stat(filepath.Join(directory, "node_modules", filepath.Join(name...), "package.json")); err != nil {
		missing(t, what, "'make node' installs it into e2e/"+directory+", with npm")
	}
	return path
}

func pythonBinary(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		missingOnMachine(t, "python3", "install it with boto3 1.43 or later")
	}
	if err := exec.Command(path, "-c", "import boto3; boto3.client('socialmessaging', region_name='us-east-1')").Run(); err != nil {
		missingOnMachine(t, "boto3 with the service socialmessaging", "'python3 -m pip install boto3' installs it")
	}
	return path
}

func awsBinary(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("aws")
	if err != nil {
		missingOnMachine(t, "the AWS CLI", "'python3 -m pip install awscli' installs it")
	}
	if err := exec.Command(path, "socialmessaging", "help").Run(); err != nil {
		missingOnMachine(t, "the service socialmessaging in the AWS CLI", "'python3 -m pip install --upgrade awscli' installs it")
	}
	return path
}
