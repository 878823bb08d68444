// Where the metrics are.

package main

import (
	"fmt"
	"net"

	"ferry/internal/gateway"
)

// metricsFlags say where the metrics are.
type metricsFlags struct {
	MetricsListen string `help:"Address of the metrics for Prometheus (/metrics), and of health checks that say why a part does not work, such as 127.0.0.1:9464. Default: there are none." placeholder:"HOST:PORT" group:"Metrics"`
}

// listen returns what serves the metrics, the zero Metrics if there are none.
func (f metricsFlags) listen(terminal *terminal) (gateway.Metrics, error) {
	if f.MetricsListen == "" {
		return gateway.Metrics{}, nil
	}
	listener, err := net.Listen("tcp", f.MetricsListen)
	if err != nil {
		return gateway.Metrics{}, fmt.Errorf("--metrics-listen: %w", err)
	}
	return gateway.Metrics{Listener: listener, Version: version(), DroppedLines: terminal.queue.Dropped}, nil
}

// addMetrics adds the metrics to the configuration of a server.
func (c *serveCommand) addMetrics(config *gateway.Config, terminal *terminal) (err error) {
	if config.Metrics, err = c.metricsFlags.listen(terminal); err != nil || config.Metrics.Listener == nil {
		return err
	}
	return c.checkPlainHTTP("metrics-listen", c.MetricsListen, config.Metrics.Listener)
}

// metricsAt returns the address of the metrics, for the log.
func metricsAt(metrics gateway.Metrics) string {
	if metrics.Listener != nil {
		return metrics.Listener.Addr().String()
	}
	return "off (no --metrics-listen)"
}
