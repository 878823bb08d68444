package compose

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// load reads a compose file as Docker does, with all profiles.
func load(t *testing.T, file string, environment ...string) (*types.Project, error) {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join("..", file)}, cli.WithEnv(environment), cli.WithProfiles([]string{"*"}), cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	return options.LoadProject(t.Context())
}

var secrets = []string{"POSTGRES_PASSWORD=one", "S3_SECRET=two"}

func TestComposeFilesAreValid(t *testing.T) {
	for file, want := range map[string]string{"compose.yaml": "ferry postgres prometheus s3", "compose.dev.yaml": "ferry"} {
		project, err := load(t, file, secrets...)
		if err != nil {
			t.Fatal(err)
		}
		names := project.ServiceNames()
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s has the services %q, want %q", file, got, want)
		}
		for name, service := range project.Services {
			checkService(t, file+": "+name, service)
		}
	}
}

// checkService checks what all services have: a health check, no rights, and ports that only
// this machine reaches. The files that it names exist.
func checkService(t *testing.T, name string, service types.ServiceConfig) {
	t.Helper()
	if service.HealthCheck == nil || len(service.HealthCheck.Test) < 2 {
		t.Errorf("%s has no health check", name)
	}
	if !slices.Contains(service.SecurityOpt, "no-new-privileges:true") || !strings.HasSuffix(name, ": postgres") && (!service.ReadOnly || !slices.Equal(service.CapDrop, []string{"ALL"})) {
		t.Errorf("%s has rights that it does not need", name)
	}
	for _, port := range service.Ports {
		if port.HostIP != "127.0.0.1" {
			t.Errorf("%s publishes port %s to other machines", name, port.Published)
		}
	}
	for on, dependency := range service.DependsOn {
		if dependency.Condition != types.ServiceConditionHealthy {
			t.Errorf("%s does not wait until %s is healthy", name, on)
		}
	}
	if service.Build != nil {
		if _, err := os.Stat(filepath.Join(service.Build.Context, service.Build.Dockerfile)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, volume := range service.Volumes {
		if volume.Type == types.VolumeTypeBind {
			if _, err := os.Stat(volume.Source); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestFerryWaitsForTheDatabaseAndTheStore(t *testing.T) {
	project, err := load(t, "compose.yaml", secrets...)
	if err != nil {
		t.Fatal(err)
	}
	ferry := project.Services["ferry"]
	for _, on := range []string{"postgres", "s3"} {
		if _, waits := ferry.DependsOn[on]; !waits {
			t.Errorf("ferry does not wait for %s", on)
		}
	}
	for name, value := range ferry.Environment {
		if value != nil && strings.Contains(*value, "two") {
			t.Errorf("%s contains the secret of the store", name)
		}
	}
	for _, volume := range project.Services["prometheus"].Volumes {
		if volume.Target == "/etc/prometheus/rules.yaml" && filepath.Base(filepath.Dir(volume.Source)) == "prometheus" {
			return
		}
	}
	t.Error("Prometheus does not read the alerts")
}

func TestComposeSaysWhichSecretIsMissing(t *testing.T) {
	if _, err := load(t, "compose.yaml", "S3_SECRET=two"); err == nil || !strings.Contains(err.Error(), "POSTGRES_PASSWORD") || !strings.Contains(err.Error(), "deploy/.env") {
		t.Errorf("without a password of the database: %v", err)
	}
}
