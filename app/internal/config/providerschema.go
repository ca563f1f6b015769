// SPDX-License-Identifier: Apache-2.0

package config

import "cmp"

// kind is what a field of a provider definition holds.
type kind int

const (
	kText     kind = iota
	kDoc           // a text that may be the content of a file beside the definition
	kDuration      // "90s", "2h"
	kBool
	kNumber
	kTexts   // a list of texts
	kNumbers // a list of whole numbers
	kTable   // texts by name
	kBlock   // one block
	kBlocks  // blocks of which there may be several: a list
	kNamed   // labelled blocks: an object by label
)

// field is one name that a definition may use.
type field struct {
	kind    kind
	json    string   // its name in JSON; empty: the same
	choices []string // of a kText, or of the entries of a kTexts
	sub     schema   // of a block
	label   string   // the JSON field that the label of a kBlocks sets
}

// key is the field's name in JSON, name being that in HCL.
func (f field) key(name string) string { return cmp.Or(f.json, name) }

// block reports whether it is written as a block, or as several.
func (f field) block() bool { return f.kind == kBlock || f.kind == kBlocks || f.kind == kNamed }

// schema is every name of one level.
type schema map[string]field

var (
	clientAuth = []string{"body", "basic", "none"}
	formats    = []string{"form", "json"}
	reaches    = []string{"none", "token", "grant"}
)

// providerSchema is what a provider block may hold: the JSON of a declared
// provider as sdk/oauth.ParseDefinition reads it, whose meaning is documented
// at sdk.Descriptor and oauth.Standard. That it is all there, and nothing else,
// is checked by a test.
var providerSchema = schema{
	"name":        {},
	"description": {},
	"icon":        {kind: kDoc},
	"brand_color": {},
	"categories":  {kind: kTexts},
	"docs_url":    {},
	"console_url": {},
	"setup_steps": {kind: kTexts},
	"warnings":    {kind: kTexts},

	"scope": {kind: kBlocks, json: "scopes", label: "name", sub: schema{
		"title":    {},
		"default":  {kind: kBool},
		"required": {kind: kBool},

		"sensitivity": {choices: []string{"", "low", "medium", "high"}},
	}},
	"config": {kind: kBlocks, label: "key", sub: schema{
		"label":       {},
		"description": {},
		"example":     {},
		"pattern":     {},
		"default":     {},
		"required":    {kind: kBool},
		"kind":        {choices: []string{"", "url"}},
		"level":       {choices: []string{"", "installation"}},
	}},
	"allowed_hosts":   {kind: kTexts},
	"apis":            {kind: kTexts},
	"picture_hosts":   {kind: kTexts},
	"pkce":            {choices: []string{"", "never"}},
	"secret_required": {kind: kBool},
	"public_device":   {kind: kBool},
	"pushed_requests": {kind: kBool},
	"redirect": {kind: kBlock, sub: schema{
		"host":     {choices: []string{"", "localhost", "https"}},
		"any_port": {kind: kBool},
		"any_path": {kind: kBool},

		"paste":           {kind: kBool},
		"loopback_scopes": {},
	}},
	"rotation":          {choices: []string{"", "none", "soft", "single_use"}},
	"grace_window":      {kind: kDuration},
	"refresh_margin":    {kind: kDuration},
	"refresh_idle_life": {kind: kDuration},
	"refresh_max_life":  {kind: kDuration},
	"remedies":          {kind: kTable},
	"revoke":            {choices: reaches},
	"revoke_note":       {},
	"narrows_scopes":    {kind: kBool},
	"narrows_audience":  {kind: kBool},
	"sandbox":           {kind: kTable},

	"issuer":                {},
	"authorize_url":         {},
	"token_url":             {},
	"refresh_url":           {},
	"device_url":            {},
	"scope_separator":       {},
	"scope_param":           {},
	"client_auth":           {choices: clientAuth},
	"refresh_auth":          {choices: clientAuth},
	"device_auth":           {choices: clientAuth},
	"token_format":          {choices: formats},
	"headers":               {kind: kTable},
	"authorize_params":      {kind: kTable},
	"reconnect_params":      {kind: kTable},
	"select_account_params": {kind: kTable},
	"offline_params":        {kind: kTable},
	"login_hint_param":      {},
	"token_params":          {kind: kTable},
	"refresh_params":        {kind: kTable},
	"callback_metadata":     {kind: kTable},

	"answer": {kind: kBlock, sub: schema{
		"access_token":       {},
		"refresh_token":      {},
		"token_type":         {},
		"scope":              {},
		"id_token":           {},
		"expires_in":         {},
		"refresh_expires_in": {},
		"scope_separator":    {},
		"ignore_scope":       {kind: kBool},
		"expires_unit":       {kind: kDuration},
		"default_lifetime":   {kind: kDuration},
		"never_expires":      {kind: kBool},
		"jwt_expiry":         {kind: kBool},
		"ok":                 {},
		"error":              {},
		"error_detail":       {},
		"error_text":         {},
		"metadata":           {kind: kTable},
		"named": {kind: kNamed, sub: schema{
			"access_token":  {},
			"refresh_token": {},
			"expires_in":    {},
			"scope":         {},
		}},
	}},
	"error": {kind: kBlocks, json: "errors", sub: schema{
		"on":     {kind: kTexts, choices: []string{"exchange", "refresh", "identify", "revoke", "discovery", "device", "introspect", "push"}},
		"status": {kind: kNumber},
		"code":   {},
		"detail": {},
		"text":   {},
		"as": {choices: []string{
			"reauthorization_required", "user_denied", "misconfigured", "temporary", "rate_limited", "slow_down", "unsupported", "plugin_bug",
		}},
		"reason": {choices: []string{
			"revoked_by_user", "refresh_token_expired", "refresh_token_missing", "consent_scope_missing",
			"client_credentials_invalid", "policy_or_mfa", "provider_uninstalled", "unknown_permanent",
		}},
		"field":       {},
		"retry_after": {kind: kDuration},
		"message":     {},
	}},
	"identity": {kind: kBlock, sub: schema{
		"from":          {choices: []string{"", "token", "id_token"}},
		"url":           {},
		"method":        {choices: []string{"GET", "POST"}},
		"body":          {},
		"headers":       {kind: kTable},
		"ok":            {},
		"error":         {},
		"issuer":        {},
		"subject":       {},
		"tenant":        {},
		"login":         {},
		"name":          {},
		"email":         {},
		"picture":       {},
		"scopes_header": {},
	}},
	"introspection": {kind: kBlock, sub: schema{
		"url":  {},
		"auth": {choices: clientAuth},
	}},
	"revocation": {kind: kBlock, sub: schema{
		"url":       {},
		"method":    {choices: []string{"POST", "DELETE"}},
		"auth":      {choices: clientAuth},
		"bearer":    {kind: kBool},
		"format":    {choices: formats},
		"params":    {kind: kTable},
		"kinds":     {kind: kTexts, choices: []string{"access_token", "refresh_token"}},
		"reach":     {choices: reaches},
		"grant_url": {},
		"gone":      {kind: kNumbers},
		"ok":        {},
	}},
}
