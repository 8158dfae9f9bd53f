package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var samlMetadataTypes = map[string]attr.Type{
	"entity_id": types.StringType, "sso_url": types.StringType,
	"certificates": types.ListType{ElemType: types.StringType}, "not_after": types.StringType,
}

var samlMetadataFunction = pure{
	name: "saml_metadata",
	definition: function.Definition{
		Summary:             "What SAML metadata says of an identity provider",
		MarkdownDescription: "Reads the SAML 2.0 metadata of one identity provider. The result is `entity_id`, `sso_url`, `certificates` (PEM) and `not_after`, when the first certificate, or the document, expires. Documents with a document type, several entities, or more than 512 KiB are refused; the signature of the document is not checked.",
		Parameters:          []function.Parameter{text("xml", "The document, e.g. `file(\"okta.xml\")`.")},
		Return:              function.ObjectReturn{AttributeTypes: samlMetadataTypes},
	},
	run: func(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
		var doc string
		if !stringArguments(ctx, req, resp, &doc) {
			return
		}
		m, err := api.ParseSAMLMetadata([]byte(doc))
		if err != nil {
			refuse(resp, 0, err.Error())
			return
		}
		set(ctx, resp, object(samlMetadataTypes, map[string]attr.Value{
			"entity_id": types.StringValue(m.EntityID), "sso_url": types.StringValue(m.SSOURL),
			"certificates": stringList(m.Certificates), "not_after": types.StringValue(m.NotAfter.UTC().Format(time.RFC3339)),
		}))
	},
}
