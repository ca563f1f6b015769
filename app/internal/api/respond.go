// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// humaConfig switches off what the wire contract does not have: links to
// schemas in bodies, documentation routes, problem+json.
func humaConfig(version string) huma.Config {
	c := huma.DefaultConfig("Standpipe", version)
	c.CreateHooks, c.Transformers = nil, nil
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	return c
}

// problem is an error answer in huma's hands.
type problem struct {
	body   contract.Error
	status int
}

func (p *problem) Error() string                { return p.body.Message }
func (p *problem) GetStatus() int               { return p.status }
func (p *problem) ContentType(string) string    { return "application/json" }
func (p *problem) MarshalJSON() ([]byte, error) { return json.Marshal(p.body) }

// Schema makes the body, not this type, appear in the OpenAPI document.
func (p *problem) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[contract.Error](), true, "Error")
}

func init() {
	huma.DefaultArrayNullable = false
	// What huma itself refuses is a request that does not fit its types: 400
	// in the contract, whose 422 is for what the domain refuses.
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		body := contract.Error{Code: hub.CodeInvalid, Message: message}
		if status == http.StatusUnprocessableEntity {
			status = http.StatusBadRequest
		}
		if status >= http.StatusInternalServerError {
			body.Code, body.Message = hub.CodeInternal, "an internal error; the hub's log says more"
		}
		var details []string
		for _, err := range errs {
			d, ok := errors.AsType[*huma.ErrorDetail](err)
			if !ok {
				continue
			}
			if body.Field == "" {
				body.Field = strings.TrimPrefix(d.Location, "body.")
			}
			details = append(details, d.Location+": "+d.Message) // never d.Value: it may be a secret
		}
		if len(details) > 0 {
			body.Message += ": " + strings.Join(details, "; ")
		}
		return &problem{body: body, status: status}
	}
}

// errorBody is the shape of an error on the wire.
func errorBody(e *hub.Error) contract.Error {
	return contract.Error{
		Message: e.Message, Code: e.Code, Remedy: e.Remedy, Field: e.Field, Reason: e.Reason,
		Choices: e.Choices, ApprovalID: e.Approval, RetryAfter: int(math.Ceil(e.Wait().Seconds())),
	}
}

// failure turns an error of the domain into an answer, and logs what callers
// are not told.
func (a *API) failure(ctx context.Context, err error) error {
	e := hub.AsError(err)
	a.logFailure(ctx, e)
	p := &problem{body: errorBody(e), status: errorStatus(e)}
	if p.body.RetryAfter == 0 {
		return p
	}
	return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {strconv.Itoa(p.body.RetryAfter)}})
}

func (a *API) logFailure(ctx context.Context, e *hub.Error) {
	if hub.OutcomeOf(e.Code).HTTP < http.StatusInternalServerError || e.Code == hub.CodeLocked {
		return
	}
	a.cfg.Logger.Error("a request failed", "request", callOf(ctx).id, "code", e.Code, "message", e.Message, "err", e.Err)
}

// errorStatus is the HTTP status of an error; a code whose contract is an
// inactive 200 becomes 409 where no such answer exists.
func errorStatus(e *hub.Error) int {
	if s := hub.OutcomeOf(e.Code).HTTP; s >= http.StatusBadRequest {
		return s
	}
	return http.StatusConflict
}

// writeFailure is failure for handlers that huma does not serve.
func (a *API) writeFailure(w http.ResponseWriter, r *http.Request, err error) {
	e := hub.AsError(err)
	a.logFailure(r.Context(), e)
	writeError(w, errorStatus(e), e)
}

func writeError(w http.ResponseWriter, status int, e *hub.Error) {
	body := errorBody(e)
	if body.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(body.RetryAfter))
	}
	writeJSON(w, status, body)
}

// writeJSON writes as huma does.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	out := &answer{ResponseWriter: w, status: status}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil && !out.begun { // our own types: cannot happen
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"message":"an internal error","code":"internal_error"}`+"\n")
	}
}

// answer is written with its status when it is known that there is one.
type answer struct {
	http.ResponseWriter
	status int
	begun  bool
}

func (a *answer) Write(b []byte) (int, error) {
	if !a.begun {
		a.begun = true
		a.WriteHeader(a.status)
	}
	return a.ResponseWriter.Write(b)
}

// recover answers for a handler that panicked. The value of the panic may hold
// anything, so only the place is logged.
func (a *API) recover(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v) // net/http's way to drop a connection
	}
	a.cfg.Logger.Error("a request panicked", "method", r.Method, "kind", reflect.TypeOf(v).String(), "stack", string(debug.Stack()))
	writeError(w, http.StatusInternalServerError, hub.Errorf(hub.CodeInternal, "an internal error; the hub's log says more"))
}
