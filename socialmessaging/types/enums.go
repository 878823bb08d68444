// The enumerations of the model.

package types

// MetaFlowCategory is what a flow is for.
type MetaFlowCategory string

// The values of MetaFlowCategory.
const (
	MetaFlowCategorySignUp             MetaFlowCategory = "SIGN_UP"
	MetaFlowCategorySignIn             MetaFlowCategory = "SIGN_IN"
	MetaFlowCategoryAppointmentBooking MetaFlowCategory = "APPOINTMENT_BOOKING"
	MetaFlowCategoryLeadGeneration     MetaFlowCategory = "LEAD_GENERATION"
	MetaFlowCategoryShopping           MetaFlowCategory = "SHOPPING"
	MetaFlowCategoryContactUs          MetaFlowCategory = "CONTACT_US"
	MetaFlowCategoryCustomerSupport    MetaFlowCategory = "CUSTOMER_SUPPORT"
	MetaFlowCategorySurvey             MetaFlowCategory = "SURVEY"
	MetaFlowCategoryOther              MetaFlowCategory = "OTHER"
)

// Values returns the values that this version of the package knows.
func (MetaFlowCategory) Values() []MetaFlowCategory {
	return []MetaFlowCategory{
		MetaFlowCategorySignUp,
		MetaFlowCategorySignIn,
		MetaFlowCategoryAppointmentBooking,
		MetaFlowCategoryLeadGeneration,
		MetaFlowCategoryShopping,
		MetaFlowCategoryContactUs,
		MetaFlowCategoryCustomerSupport,
		MetaFlowCategorySurvey,
		MetaFlowCategoryOther,
	}
}

// RegistrationStatus says whether the setup of an account is complete.
type RegistrationStatus string

// The values of RegistrationStatus.
const (
	RegistrationStatusComplete   RegistrationStatus = "COMPLETE"
	RegistrationStatusIncomplete RegistrationStatus = "INCOMPLETE"
)

// Values returns the values that this version of the package knows.
func (RegistrationStatus) Values() []RegistrationStatus {
	return []RegistrationStatus{
		RegistrationStatusComplete,
		RegistrationStatusIncomplete,
	}
}

// WhatsAppDayOfWeek is a day of the week.
type WhatsAppDayOfWeek string

// The values of WhatsAppDayOfWeek.
const (
	WhatsAppDayOfWeekMonday    WhatsAppDayOfWeek = "MONDAY"
	WhatsAppDayOfWeekTuesday   WhatsAppDayOfWeek = "TUESDAY"
	WhatsAppDayOfWeekWednesday WhatsAppDayOfWeek = "WEDNESDAY"
	WhatsAppDayOfWeekThursday  WhatsAppDayOfWeek = "THURSDAY"
	WhatsAppDayOfWeekFriday    WhatsAppDayOfWeek = "FRIDAY"
	WhatsAppDayOfWeekSaturday  WhatsAppDayOfWeek = "SATURDAY"
	WhatsAppDayOfWeekSunday    WhatsAppDayOfWeek = "SUNDAY"
)

// Values returns the values that this version of the package knows.
func (WhatsAppDayOfWeek) Values() []WhatsAppDayOfWeek {
	return []WhatsAppDayOfWeek{
		WhatsAppDayOfWeekMonday,
		WhatsAppDayOfWeekTuesday,
		WhatsAppDayOfWeekWednesday,
		WhatsAppDayOfWeekThursday,
		WhatsAppDayOfWeekFriday,
		WhatsAppDayOfWeekSaturday,
		WhatsAppDayOfWeekSunday,
	}
}
