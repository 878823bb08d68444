// The structures, enumerations and exceptions of package types, also reachable
// by this package's name.

package socialmessaging

import "ferry/socialmessaging/types"

// Alias of the structure or enumeration in package types; programs for AWS's
// client use that one.
type (
	LibraryTemplateBodyInputs               = types.LibraryTemplateBodyInputs
	LibraryTemplateButtonInput              = types.LibraryTemplateButtonInput
	LibraryTemplateButtonList               = types.LibraryTemplateButtonList
	LinkedWhatsAppBusinessAccount           = types.LinkedWhatsAppBusinessAccount
	LinkedWhatsAppBusinessAccountIdMetaData = types.LinkedWhatsAppBusinessAccountIdMetaData
	LinkedWhatsAppBusinessAccountSummary    = types.LinkedWhatsAppBusinessAccountSummary
	MetaFlowApplicationInfo                 = types.MetaFlowApplicationInfo
	MetaFlowAsset                           = types.MetaFlowAsset
	MetaFlowCategory                        = types.MetaFlowCategory
	MetaFlowHealthEntity                    = types.MetaFlowHealthEntity
	MetaFlowHealthStatus                    = types.MetaFlowHealthStatus
	MetaFlowPreviewInfo                     = types.MetaFlowPreviewInfo
	MetaFlowSummary                         = types.MetaFlowSummary
	MetaFlowWhatsAppBusinessAccountInfo     = types.MetaFlowWhatsAppBusinessAccountInfo
	MetaLibraryTemplate                     = types.MetaLibraryTemplate
	MetaLibraryTemplateDefinition           = types.MetaLibraryTemplateDefinition
	RegistrationStatus                      = types.RegistrationStatus
	S3File                                  = types.S3File
	S3PresignedUrl                          = types.S3PresignedUrl
	Tag                                     = types.Tag
	TemplateSummary                         = types.TemplateSummary
	WabaPhoneNumberSetupFinalization        = types.WabaPhoneNumberSetupFinalization
	WabaSetupFinalization                   = types.WabaSetupFinalization
	WhatsAppBusinessAccountEventDestination = types.WhatsAppBusinessAccountEventDestination
	WhatsAppCallHours                       = types.WhatsAppCallHours
	WhatsAppCallPermission                  = types.WhatsAppCallPermission
	WhatsAppCallPermissionAction            = types.WhatsAppCallPermissionAction
	WhatsAppCallPermissionLimit             = types.WhatsAppCallPermissionLimit
	WhatsAppCallSettings                    = types.WhatsAppCallSettings
	WhatsAppDayOfWeek                       = types.WhatsAppDayOfWeek
	WhatsAppHolidayScheduleEntry            = types.WhatsAppHolidayScheduleEntry
	WhatsAppPhoneNumberDetail               = types.WhatsAppPhoneNumberDetail
	WhatsAppPhoneNumberSummary              = types.WhatsAppPhoneNumberSummary
	WhatsAppSetupFinalization               = types.WhatsAppSetupFinalization
	WhatsAppSignupCallback                  = types.WhatsAppSignupCallback
	WhatsAppSignupCallbackResult            = types.WhatsAppSignupCallbackResult
	WhatsAppTimeOfDay                       = types.WhatsAppTimeOfDay
	WhatsAppWeeklyOperatingHoursEntry       = types.WhatsAppWeeklyOperatingHoursEntry
)

// Alias of the exception in package types; programs for AWS's client use that
// one.
type (
	AccessDeniedByMetaException = types.AccessDeniedByMetaException
	AccessDeniedException       = types.AccessDeniedException
	ConflictException           = types.ConflictException
	DependencyException         = types.DependencyException
	InternalServiceException    = types.InternalServiceException
	InvalidParametersException  = types.InvalidParametersException
	LimitExceededException      = types.LimitExceededException
	ResourceNotFoundException   = types.ResourceNotFoundException
	ThrottledRequestException   = types.ThrottledRequestException
	ValidationException         = types.ValidationException
)
