// SPDX-License-Identifier: Apache-2.0

package hub

// Owner is whose connection it is: a user (within an organization or not), or
// an organization. Ids are opaque strings that Standpipe does not check; they
// are born when somebody first connects under them. Owner is comparable.
type Owner struct {
	User         string `json:"user,omitempty"`
	Organization string `json:"organization,omitempty"`
	// Shared marks a connection of the organization itself; User is then
	// empty, and members may come and go.
	Shared bool `json:"shared,omitempty"`
}

// Me is the owner on a desktop, where there is one user.
var Me = Owner{User: "me"}

// Validate reports what is wrong with an owner, or nil.
func (o Owner) Validate() error {
	switch {
	case o.Shared && o.Organization == "":
		return Errorf(CodeInvalid, "a connection of an organization needs organization_id")
	case !o.Shared && o.User == "":
		return Errorf(CodeInvalid, "user_id is missing")
	}
	return nil
}
