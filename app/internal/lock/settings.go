// SPDX-License-Identifier: Apache-2.0

package lock

import (
	"encoding/json"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

var settingsRef = hub.Ref{Kind: hub.KindSetting, ID: "lock"}

// record is the stored form of the settings, version 1.
type record struct {
	Version    int                `json:"v"`
	Idle       time.Duration      `json:"idle_ns"`
	Screen     bool               `json:"screen"`
	Suspend    bool               `json:"suspend"`
	Background hub.LockBackground `json:"background"`
}

func decode(rec hub.Record) (hub.LockSettings, error) {
	var r record
	if err := json.Unmarshal(rec.Value, &r); err != nil {
		return hub.LockSettings{}, &hub.IntegrityError{Ref: rec.Ref, Detail: "not in the expected form"}
	}
	if r.Version != 1 {
		return hub.LockSettings{}, hub.OtherFormat("the record of the lock's settings", r.Version, 1)
	}
	return hub.LockSettings{Idle: r.Idle, Screen: r.Screen, Suspend: r.Suspend, Background: r.Background}, nil
}

func validate(s hub.LockSettings) error {
	switch {
	case s.Idle != 0 && (s.Idle < minIdle || s.Idle > maxIdle):
		return &hub.Error{Code: hub.CodeInvalid, Field: "idle", Message: "the hub locks after one second to seven days without use, or never"}
	case s.Background != hub.LockStop && s.Background != hub.LockKeep:
		return &hub.Error{Code: hub.CodeInvalid, Field: "background", Message: `refreshing while locked is a "stop" or a "keep"`}
	}
	return nil
}
