// The part of the control API about webhooks.

package metasim

import (
	"errors"
	"net/http"
)

// AppList is the webhooks of all apps.
type AppList struct {
	Apps []AppWebhook `json:"apps"`
}

// appWebhookJSON is a request of the control API to set the callback URL of an app.
type appWebhookJSON struct {
	AppID       string   `json:"app_id,omitempty"` // empty means all apps
	URL         string   `json:"url"`              // empty means none
	VerifyToken string   `json:"verify_token,omitempty"`
	Fields      []string `json:"fields,omitempty"`
}

// controlWebhooks adds the paths about webhooks.
func (s *Server) controlWebhooks(mux *http.ServeMux) {
	mux.HandleFunc("GET /webhooks", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, s.Webhooks())
	})
	mux.HandleFunc("DELETE /webhooks", action(s.ClearWebhooks))
	mux.HandleFunc("POST /webhooks", withBody(maxControlBody, func(_ *http.Request, in WebhookUpdate) (any, error) {
		return nil, s.PostWebhook(in)
	}))
	mux.HandleFunc("GET /webhooks/delivery", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, s.WebhookDelivery())
	})
	mux.HandleFunc("POST /webhooks/delivery", withBody(maxControlBody, func(_ *http.Request, in webhookDeliveryJSON) (any, error) {
		d, err := in.delivery()
		if err == nil {
			err = s.SetWebhookDelivery(d)
		}
		return s.WebhookDelivery(), err
	}))
	mux.HandleFunc("GET /apps", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, AppList{s.AppWebhooks()})
	})
	mux.HandleFunc("POST /apps", withBody(maxControlBody, func(r *http.Request, in appWebhookJSON) (any, error) {
		ids := []string{in.AppID}
		if in.AppID == "" {
			ids = sortedNames(s.apps)
		}
		if len(ids) == 0 {
			return nil, errors.New("no account has an app")
		}
		for _, id := range ids {
			if err := s.SetAppWebhook(r.Context(), id, in.URL, in.VerifyToken, in.Fields...); err != nil {
				return nil, err
			}
		}
		return AppList{s.AppWebhooks()}, nil
	}))
}
