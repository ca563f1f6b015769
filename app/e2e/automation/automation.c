// SPDX-License-Identifier: Apache-2.0
//
// For the tests: preloaded into the window's program, it lets WebKitWebDriver
// drive the web view, which Wails does not allow by itself. Where the file
// $AUTOMATION_CLOSE appears, it closes the window as the button of its title bar
// does, which a display without a window manager lacks. The program that is
// tested stays as it is shipped.
#include <glib/gstdio.h>
#include <webkit2/webkit2.h>

static WebKitWebView *the_view;

static WebKitWebView *hand_out_view(WebKitAutomationSession *session, gpointer data) {
  (void)session, (void)data;
  return the_view;
}

static void on_automation_started(WebKitWebContext *context, WebKitAutomationSession *session, gpointer data) {
  (void)context, (void)data;
  WebKitApplicationInfo *info = webkit_application_info_new();
  webkit_application_info_set_name(info, "standpipe");
  webkit_application_info_set_version(info, 1, 0, 0);
  webkit_automation_session_set_application_info(session, info);
  webkit_application_info_unref(info);
  g_signal_connect(session, "create-web-view", G_CALLBACK(hand_out_view), NULL);
}

static gboolean close_if_asked(gpointer path) {
  if (g_unlink(path) == 0) gtk_window_close(GTK_WINDOW(gtk_widget_get_toplevel(GTK_WIDGET(the_view))));
  return G_SOURCE_CONTINUE;
}

// Takes the place of WebKit's function of this name.
GtkWidget *webkit_web_view_new_with_user_content_manager(WebKitUserContentManager *manager) {
  WebKitWebContext *context = webkit_web_context_get_default();
  webkit_web_context_set_automation_allowed(context, TRUE);
  g_signal_connect(context, "automation-started", G_CALLBACK(on_automation_started), NULL);
  the_view = g_object_new(WEBKIT_TYPE_WEB_VIEW, "web-context", context, "user-content-manager", manager,
                          "is-controlled-by-automation", TRUE, NULL);
  const char *close = g_getenv("AUTOMATION_CLOSE");
  if (close) g_timeout_add(100, close_if_asked, g_strdup(close));
  return GTK_WIDGET(the_view);
}
