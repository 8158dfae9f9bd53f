resource "gatehouse_session_policy" "this" {
  absolute_timeout = "12h"
  idle_timeout     = "1h"

  privileged = {
    absolute_timeout = "8h"
    idle_timeout     = "15m"
  }

  revoke_on = ["password_change", "role_change", "idp_change", "device_loss"]
}
