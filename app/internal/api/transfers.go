// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// backup streams a backup: bytes that only a recipient can read.
func (a *API) backup(w http.ResponseWriter, r *http.Request) {
	var b contract.Backup
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
		a.writeFailure(w, r, invalidField("", "the request body is not a backup request"))
		return
	}
	req := hub.BackupRequest{ID: a.cfg.NewID("backup"), Recipients: b.Recipients, Move: b.Move, SkipDamaged: b.SkipDamaged}
	w.Header().Set(contract.BackupHeader, req.ID)
	a.stream(w, r, func(to *late) error { return a.cfg.Backups.Write(r.Context(), req, to) })
}

// stream answers with what f writes. Before its first write an error is an
// answer like any other; after it the connection is broken off, so that no
// client takes a piece for the whole.
func (a *API) stream(w http.ResponseWriter, r *http.Request, f func(*late) error) {
	to := &late{ResponseWriter: w}
	err := f(to)
	switch {
	case err == nil:
	case !to.begun:
		a.writeFailure(w, r, err)
	default:
		a.logFailure(r.Context(), hub.AsError(err))
		panic(http.ErrAbortHandler)
	}
}

// late is a ResponseWriter that knows whether the answer has begun.
type late struct {
	http.ResponseWriter
	begun bool
}

func (l *late) Write(p []byte) (int, error) {
	if !l.begun {
		l.begun = true
		l.Header().Set("Content-Type", "application/octet-stream")
	}
	return l.ResponseWriter.Write(p)
}

// listConnections lists every connection of every owner.
func (a *API) listConnections(ctx context.Context, _ *struct{}) (*body[contract.Connections], error) {
	out := contract.Connections{Connections: []contract.Connection{}}
	for c, err := range a.cfg.Connections.All(ctx) {
		if _, damaged := errors.AsType[*hub.IntegrityError](err); damaged {
			out.Damaged++
			continue
		}
		if err != nil {
			return nil, err
		}
		out.Connections = append(out.Connections, a.connectionOf(ctx, c))
	}
	return &body[contract.Connections]{out}, nil
}

func (a *API) resume(ctx context.Context, in *body[contract.Resume]) (*body[contract.Connections], error) {
	list, err := a.cfg.Transfers.Resume(ctx, user, hub.ResumeRequest(in.Body))
	if err != nil {
		return nil, err
	}
	out := contract.Connections{Connections: []contract.Connection{}}
	for _, c := range list {
		out.Connections = append(out.Connections, a.connectionOf(ctx, c))
	}
	return &body[contract.Connections]{out}, nil
}

func (a *API) resumeOne(ctx context.Context, in *ByID) (*body[contract.Connection], error) {
	conn, err := a.cfg.Connections.Get(ctx, in.ID)
	if err != nil {
		return nil, notFoundAs(err, in.ID)
	}
	list, err := a.cfg.Transfers.Resume(ctx, user, hub.ResumeRequest{Connections: []string{in.ID}})
	if err != nil {
		return nil, err
	}
	if len(list) == 1 {
		conn = list[0]
	}
	return &body[contract.Connection]{a.connectionOf(ctx, conn)}, nil
}

// importConnection takes over the tokens of one connection.
func (a *API) importConnection(ctx context.Context, in *body[contract.Import]) (*body[contract.Imported], error) {
	b := &in.Body
	im := hub.Import{
		Integration: b.Integration, Owner: b.Owner, AccessToken: secret.New(b.AccessToken), RefreshToken: secret.New(b.RefreshToken),
		Scopes: b.Scopes, Name: b.Name, Metadata: b.Metadata, Config: b.Config, NeedsUser: b.NeedsUser, Replace: b.Replace,
	}
	for name, n := range b.Named {
		if im.Named == nil {
			im.Named = map[string]hub.NamedToken{}
		}
		im.Named[name] = hub.NamedToken{
			AccessToken: secret.New(n.AccessToken), RefreshToken: secret.New(n.RefreshToken), Expiry: deref(n.ExpiresAt), Scopes: n.Scopes,
		}
	}
	if b.ExpiresAt != nil {
		im.ExpiresAt = *b.ExpiresAt
	}
	if b.Account != nil {
		im.Hint = hub.Account(*b.Account)
	}
	done, err := a.cfg.Transfers.Import(ctx, user, im)
	if err != nil {
		return nil, err
	}
	return &body[contract.Imported]{contract.Imported{
		Connection: a.connectionOf(ctx, done.Connection), Verified: done.Verified, Renewed: done.Renewed,
	}}, nil
}

// export streams connections with their tokens: bytes that only a recipient
// can read.
func (a *API) export(w http.ResponseWriter, r *http.Request) {
	var b contract.Export
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
		a.writeFailure(w, r, invalidField("", "the request body is not an export request"))
		return
	}
	req := hub.ExportRequest{ID: a.cfg.NewID("export"), Recipients: b.Recipients, Connections: b.Connections, All: b.All, Move: b.Move}
	w.Header().Set(contract.BackupHeader, req.ID)
	a.stream(w, r, func(to *late) error { return a.cfg.Transfers.Export(r.Context(), user, req, to) })
}
