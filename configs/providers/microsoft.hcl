# SPDX-License-Identifier: Apache-2.0
# Microsoft Entra ID (v2.0 endpoints), work, school and personal accounts.
# https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
# https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code

provider "microsoft" {
  name        = "Microsoft"
  description = "Mail, calendar, files and people of a Microsoft account, through Microsoft Graph"
  icon        = file("microsoft.svg")
  docs_url    = "https://learn.microsoft.com/graph/auth-v2-user"
  console_url = "https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade"
  setup_steps = [
    "Choose New registration, and which accounts may sign in.",
    "Under Authentication add the platform \"Mobile and desktop applications\" with the redirect URI that is shown here.",
    "Under API permissions add the Microsoft Graph permissions that you want, as delegated ones.",
    "To connect with a code, switch on \"Allow public client flows\" under Authentication, and enter no client secret here.",
    "Copy the application (client) id. A client secret is only needed where the app is registered as a web app.",
  ]

  config "tenant" {
    label       = "Tenant"
    description = "Whose accounts may connect: common, organizations, consumers, or the id or domain of one tenant. An app that is registered for one tenant does not work with common."
    example     = "contoso.onmicrosoft.com"
    pattern     = "[A-Za-z0-9][A-Za-z0-9.-]*"
    default     = "common"
  }

  scope "offline_access" {
    title       = "Stay connected while you are away"
    required    = true
    sensitivity = "medium"
  }
  scope "User.Read" {
    title       = "Sign you in and read your profile"
    required    = true
    sensitivity = "low"
  }
  scope "Mail.Read" {
    title       = "Read your mail"
    sensitivity = "high"
  }
  scope "Mail.ReadWrite" {
    title       = "Read, change and delete your mail"
    sensitivity = "high"
  }
  scope "Mail.Send" {
    title       = "Send mail as you"
    sensitivity = "high"
  }
  scope "Calendars.Read" {
    title       = "Read your calendars"
    sensitivity = "medium"
  }
  scope "Calendars.ReadWrite" {
    title       = "Read and change your calendars"
    sensitivity = "high"
  }
  scope "Contacts.Read" {
    title       = "Read your contacts"
    sensitivity = "medium"
  }
  scope "Files.Read" {
    title       = "Read your files in OneDrive"
    sensitivity = "high"
  }
  scope "Files.ReadWrite" {
    title       = "Read, change and delete your files in OneDrive"
    sensitivity = "high"
  }
  scope "Tasks.ReadWrite" {
    title       = "Read and change your tasks"
    sensitivity = "medium"
  }
  scope "Chat.Read" {
    title       = "Read your chats in Teams"
    sensitivity = "high"
  }

  # Below this its API takes the token: what apps may call through the hub.
  apis = ["https://graph.microsoft.com"]

  authorize_url         = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize"
  token_url             = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
  device_url            = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode"
  device_auth           = "none"
  authorize_params      = { response_mode = "query" }
  select_account_params = { prompt = "select_account" }
  login_hint_param      = "login_hint"

  # A desktop app is registered with http://localhost, which any port matches.
  redirect {
    host     = "localhost"
    any_port = true
  }

  # A refresh gives a new refresh token, and the old one goes on working. One
  # that is not used for 90 days dies.
  rotation          = "soft"
  refresh_idle_life = "2160h"

  revoke      = "none"
  revoke_note = "Microsoft lets no app withdraw its own access. Remove it at https://myapps.microsoft.com (work or school) or https://account.live.com/consent/Manage (personal)."

  answer {
    # offline_access is granted and never echoed.
    ignore_scope = true
    error_detail = "error_codes.0"
  }

  identity {
    url     = "https://graph.microsoft.com/v1.0/me"
    error   = "error.code"
    issuer  = "https://login.microsoftonline.com"
    subject = "id"
    login   = "userPrincipalName"
    name    = "displayName"
    email   = "mail|userPrincipalName"
  }

  # https://learn.microsoft.com/entra/identity-platform/reference-error-codes
  error {
    detail = "90033"
    as     = "temporary"
  }
  error {
    detail  = "7000222"
    as      = "misconfigured"
    field   = "client_secret"
    message = "the client secret has expired; make a new one in the app's registration"
  }
  error {
    detail = "7000215"
    as     = "misconfigured"
    field  = "client_secret"
  }
  error {
    detail  = "7000218"
    as      = "misconfigured"
    field   = "client_secret"
    message = "the app is registered as a web app, which needs a client secret; add one, or register the redirect URI under \"Mobile and desktop applications\""
  }
  error {
    detail  = "700025"
    as      = "misconfigured"
    field   = "client_secret"
    message = "the app is a public client, which has no secret; leave the client secret empty"
  }
  # The device flow, refused by the user and run out.
  error {
    code = "authorization_declined"
    as   = "user_denied"
  }
  error {
    code   = "bad_verification_code"
    as     = "reauthorization_required"
    reason = "unknown_permanent"
  }
  error {
    detail = "700016"
    as     = "misconfigured"
    field  = "client_id"
  }
  error {
    detail  = "50194"
    as      = "misconfigured"
    field   = "tenant"
    message = "the app is registered for one tenant; set the tenant to its id instead of common"
  }
  error {
    detail = "50011"
    as     = "misconfigured"
    field  = "redirect_uri"
  }
  error {
    detail = "700082"
    as     = "reauthorization_required"
    reason = "refresh_token_expired"
  }
  error {
    detail  = "50173"
    as      = "reauthorization_required"
    reason  = "revoked_by_user"
    message = "the password was changed or the sessions were ended"
  }
  error {
    detail = "70043"
    as     = "reauthorization_required"
    reason = "policy_or_mfa"
  }
  error {
    detail = "50076"
    as     = "reauthorization_required"
    reason = "policy_or_mfa"
  }
  error {
    detail = "50079"
    as     = "reauthorization_required"
    reason = "policy_or_mfa"
  }
  error {
    detail = "65001"
    as     = "reauthorization_required"
    reason = "consent_scope_missing"
  }
}
