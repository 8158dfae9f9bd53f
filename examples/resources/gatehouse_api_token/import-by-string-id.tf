import {
  to = gatehouse_api_token.drift
  id = "example/drift-nightly"
}
