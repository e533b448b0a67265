/* The standard field groups of a profile are typed: documents with XDM's own names, the odd ones
 * above all, leave nothing to extensions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inverse.h"
#include "mapping/transcode.h"
#include "mapping/wire.h"
#include "mapping_tables.h"

/* Names and values are joined from single-quoted text, which reads better in C. */
static const char *const groups[] = {
    "{'_id':'r','personID':'p','person':{'name':{'firstName':'Ada','fullName':'Ada Byron'},"
    "'birthDate':'1815-12-10','birthDayAndMonth':'12-10','gender':'female'}}",

    "{'homeAddress':{'_id':'a','_schema':{'latitude':45.5,'description':'d'},'dmaID':1,'msaID':2,"
    "'_repo':{'createDate':'2020-01-01T00:00:00Z','modifyDate':'2020-01-01T00:00:00Z',"
    "'discardDate':'2020-01-01T00:00:00Z','expires':'2020-01-01T00:00:00Z',"
    "'lastPublishedTime':'t'},'repositoryCreatedBy':'u','repositoryLastModifiedBy':'u',"
    "'createdByBatchID':'b','modifiedByBatchID':'b','lastVerifiedDate':'2020-01-01'}}",

    "{'workAddress':{'city':'c'},'mailingAddress':{'city':'c'},'billingAddress':{'city':'c'},"
    "'shippingAddress':{'city':'c'},'otherAddress':{'city':'c'},'inferredAddress':{'city':'c'},"
    "'homePhone':{'number':'1'},'mobilePhone':{'number':'1'},'workPhone':{'number':'1'},"
    "'faxPhone':{'number':'1'},'shippingAddressPhone':{'number':'1'},"
    "'billingAddressPhone':{'number':'1'},'otherPhone':{'number':'1','validity':'v'},"
    "'personalEmail':{'address':'a@b'},'workEmail':{'address':'a@b'}}",

    "{'directMarketingAddress':{'errorCount':1,'quality':'empty_street','street1':'s'},"
    "'directMarketingEmail':{'errorCount':1,'quality':'q','address':'a@b'},"
    "'directMarketingPhone':{'errorCount':1,'quality':'q','number':'1'}}",

    "{'preferredLanguage':'it','timeZone':'Europe/Rome','emailFormat':'html',"
    "'profilePictureLink':'l','organizations':['o'],'testProfile':true,"
    "'orgUnit':{'_id':'o','label':'l'},'geoUnit':{'_id':'g','label':'l'},"
    "'inferredCompany':'c','inferredCompanyStatus':'s','inferredMetropolitanArea':'m',"
    "'inferredPhoneAreaCode':'06','anonymousHostname':'h'}",

    "{'extendedWorkDetails':{'jobTitle':'t','departments':['d'],'photoUrl':'u','reportsToID':'r',"
    "'assistantDetails':{'name':{'lastName':'l'},'phone':{'number':'1'}}}}",

    "{'consents':{'collect':{'val':'y'},'share':{'val':'n'},'adID':{'val':'dy','idType':'IDFA'},"
    "'personalize':{'content':{'val':'p'}},'metadata':{'time':'2020-01-01T00:00:00Z'},"
    "'marketing':{'preferred':'phyMail','any':{'val':'LI','time':'2020-01-01T00:00:00Z',"
    "'reason':'r'},'whatsApp':{'subscriptions':{'l':{'val':'y','type':'t','topics':['x'],"
    "'subscribers':{'a@b':{'time':'2020-01-01T00:00:00Z','source':'s'}}}}},"
    "'commercialEmail':{'val':'CP'},'postalMail':{'val':'VI'}},"
    "'idSpecific':{'Email':{'a@b':{'collect':{'val':'u'},'adID':{'idType':'GAID'}}}}}}",

    "{'optInOut':{'_channels':{'email':'in','phone':'out','sms':'pending','fax':'not_provided',"
    "'direct-mail':'in','web':'in','apns':'in','gcm':'in','adm':'in','wns':'in','mpns':'in',"
    "'line':'in','wechat':'in','baidu':'in','application':'in','mobile-app':'in',"
    "'webpage':'in','facebook-feed':'in','twitter-feed':'in','agency':'in','channel':'in'},"
    "'globalOptout':false,'optOutDetails':{'email':{'optOutReason':'r'},'phone':{},'fax':{},"
    "'direct-mail':{'optOutDate':'2020-01-01T00:00:00Z'}}}}",

    "{'optOutConsentLevel':{'privacyOptOuts':[{'optOutType':'general_opt_out',"
    "'optOutValue':'out','timestamp':'2020-01-01T00:00:00Z'},"
    "{'optOutType':'sales_sharing_opt_out'}]},"
    "'identityPrivacyInfo':{'ECID':{'1':{'identityIABConsent':{"
    "'consentTimestamp':'2020-01-01T00:00:00Z','consentString':{'consentStandard':'IAB TCF',"
    "'consentStandardVersion':'2.0','consentStringValue':'v','gdprApplies':true,"
    "'containsPersonalData':false}}}}},"
    "'consentPoliciesResultMap':{'policy':{'status':'realized','ts':'2020-01-01T00:00:00Z',"
    "'identityLevelConsents':{'Email':[{'identity':'a@b','status':'exited',"
    "'ts':'2020-01-01T00:00:00Z'},{'identity':'c@d','status':'realized'}]}}}}",

    "{'identityMap':{'Email':[{'id':'a@b','authenticatedState':'loggedOut','primary':true}]},"
    "'segmentMembership':{'ups':{'s':{'status':'realized','timerSpec':'t','segmentID':{'_id':'s',"
    "'namespace':{'code':'ups'},'xid':'x'},'profileStitchID':{'_id':'p'}}}},"
    "'segments':[{'segmentID':{'_id':'s','namespace':{'code':'n'}},'status':'exited',"
    "'version':'1','payload':{'payloadType':'boolean','payloadBooleanValue':true}}],"
    "'segmentMemberships':[{'segmentID':{'xid':'x'},'validUntil':'2020-01-01T00:00:00Z',"
    "'lastQualificationTime':'2020-01-01T00:00:00Z','profileStitchID':{'xid':'x'},"
    "'timerSpec':'t'}],"
    "'traitMembership':{'t':{'lastQualificationTime':'2020-01-01T00:00:00Z',"
    "'validUntil':'2020-01-01T00:00:00Z'}}}",

    "{'loyalty':{'program':'p','loyaltyID':['1'],'points':1,'upgradeDate':'last year',"
    "'pointsExpiration':[{'pointsExpiring':1}],'cardsDetails':[{'number':'1'}],"
    "'challenges':[{'id':'c','frequencyType':'f','endDate':'2020-01-01T00:00:00Z',"
    "'tasks':[{'entity':'e','goal':5,'progress':2.5,'type':'t'}]}],"
    "'rewards':{'badges':[{'id':'b','state':'s'}],'coupons':[{'discountValue':5,"
    "'redemptionCount':1,'redemptionLimit':2,'storeName':'s'}],'giveaways':[{'partnerId':'p',"
    "'partnerName':'p','type':'t'}],'referrals':[{'recipient':'r','series':'s'}]}}}",

    "{'subscriptions':[{'_id':'s','SKU':'1','planName':'p','contractID':'c','term':12,"
    "'termUnitOfTime':'months','topUp':'no','startDate':'2020-01-01','endDate':'2020-12-31',"
    "'billingStartDate':'2020-01-01','subCategory':'s','reason':'r','revision':'1',"
    "'subscriber':{'name':{'firstName':'f'}},"
    "'device':{'type':'mobile','typeIDService':'u','isPushOptIn':true},"
    "'environment':{'ipV4':'127.0.0.1','ISP':'i','_dc':{'language':'it'}}}]}",

    "{'telecomSubscription':{'primarySubscriber':{'type':'t'},'primaryPartyID':'p',"
    "'bundleName':'b','internetSubscription':[{'subscriptionDetails':{'ID':'1',"
    "'subscriptionSKU':'s','subscriptionSubCategory':'c','paymentDueDate':'2020-01-01',"
    "'devices':[{'ID':'d','OS':'android','deviceFees':{'amount':9.5,'currencyCode':'EUR',"
    "'conversionDate':'2020-01-01T00:00:00Z'},'deviceInsurance':false}]},'dataCap':5,"
    "'selfSetup':true}],'landlineSubscription':[{'phoneNumber':{'number':'1'},'callerID':true,"
    "'threeWayCalling':true,'unlimitedDomesticLongDistance':true}],"
    "'mediaSubscription':[{'channels':5,'streamingServices':[{'serviceName':1,"
    "'promotionalAddition':true,'promotionLength':3}]}],"
    "'mobileSubscription':[{'earlyUpgradeEnrollment':true,'planLevel':'l',"
    "'portedNumber':true}]}}",

    "{'userAccount':{'ID':'1','contactDetails':{'homeAddress':{'city':'c'},"
    "'shippingAddressPhone':{'number':'1'}},'startDate':'2020-01-01T00:00:00Z',"
    "'status':'disabled','accountType':'t','productPreferences':['p'],'alertStatus':true,"
    "'autopayStatus':false},"
    "'personalFinances':{'ID':['1'],'accountCardsTotal':2,'hasAssignedBeneficiary':true,"
    "'assignedBeneficiary':[{'person':{'birthYear':1990}}],'creditScores':[{'score':700,"
    "'provider':'experian','scoreDate':'2020-01-01T00:00:00Z'}],'employmentStatus':'retired',"
    "'personalTaxProfile':{'isHeadOfHousehold':true,'singleFiler':false,'taxBracket':'b',"
    "'householdIncome':{'amount':1e5}}}}",

    "{'memberDetails':{'dateAgeCollected':'2020-01-01T00:00:00Z','primaryCarePhysicians':["
    "{'providerID':'p','healthNetworkAffiliation':['n']}],'prescriptions':[{'ID':'1',"
    "'numberOfRefills':2,'refillLocation':{'city':'c'},'isCurrent':true}],"
    "'specialists':[{'specialty':['s']}],'healthConcerns':['h'],'isDeceased':false,"
    "'plans':[{'planID':'p','primaryMemberID':'m','beneficiaryRelationship':'self',"
    "'billingAccountID':'b'}]},"
    "'travelPreferences':{'seat':'aisle','medicalAlerts':'m','rollAwayBed':true,"
    "'earlyCheckIn':true,'visuallyImpairedAccessible':false,'vehicleType':'compactCar',"
    "'preferredDepartureAirportCode':'FCO'}}",

    "{'b2b':{'accountKey':{'sourceType':'t','sourceInstanceID':'i','sourceID':'s',"
    "'sourceKey':'k'},'personGroupID':'g','accountID':'a','convertedContactID':'c',"
    "'convertedDate':'2020-01-01T00:00:00Z','personScore':7,'isBlocked':false,"
    "'personOptInOut':{'_channels':{'direct-mail':'out'}},'matchedAccount':{'score':0.5,"
    "'scoreDate':'2020-01-01T00:00:00Z','accountKey':{'sourceID':'s'}}},"
    "'personComponents':[{'sourcePersonID':'p','sourceConvertedContactID':'c',"
    "'sourceExternalKey':{'sourceID':'s'},'workEmail':{'address':'a@b'},'personScore':7}],"
    "'personKey':{'sourceKey':'k'}}",

    "{'pushNotificationDetails':[{'token':'t','platform':'apns','appID':'a','denylisted':false,"
    "'blocklisted':false,'blacklisted':false,'identity':{'id':'1','namespace':{'code':'ECID'},"
    "'authenticatedState':'ambiguous','primary':true,'xid':'x'},'identiy':{'id':'1'}}],"
    "'liveActivityPushNotificationDetails':[{'token':'t','appID':'a','attributeType':'t'}],"
    "'pushNotificationTokens':[{'token':'t','registrationDate':'2020-01-01T00:00:00Z',"
    "'environment':{'type':'application','browserDetails':{'javaScriptEnabled':true,"
    "'thirdPartyCookiesEnabled':false,'userAgentClientHints':{'brands':[{'brand':'b'}],"
    "'wow64':false}},'operatingSystemVendor':'v'},'device':{'typeID':'t','screenHeight':1},"
    "'application':{'id':'a','firstLaunches':{'id':'m','value':1},'sessionLength':60,"
    "'_dc':{'language':'it'}},'channel':{'_id':'c','_type':'t','typeAtSource':'s'}}]}",

    "{'sourceSystemName':'s','recordStatus':'r','recordSource':'r','recordTypeID':'1',"
    "'isDeleted':false,'dataSource':{'_id':'d','code':'c','tags':['t']},"
    "'extSourceSystemAudit':{'createdBy':'u','lastReferencedDate':'2020-01-01T00:00:00Z',"
    "'externalID':'e','externalKey':{'sourceKey':'k'}},"
    "'emailResponse':{'isEmailBounced':true,'emailBouncedDate':'2020-01-01T00:00:00Z',"
    "'emailBouncedReason':'r'}}",

    "{'_experience':{'intelligentServices':{'journeyAI':{'engagementScores':{"
    "'emailEngagementScores':{'openEnagementScore':0.5,'retentionLevel':'high',"
    "'maxSendsInThirtyDays':4},'engagementScoresInfo':'v1'},"
    "'sendTimeOptimization':{'emailSendTimeOptimization':{'sendTimeScoreOpen':[-128,0,127],"
    "'sendTimeScoreForClick':[0.5,0,-1],'sendTimeRankOpen':'r'},"
    "'pushSendTimeOptimization':{'sendTimeScoreForOpen':[1]},"
    "'sendTimeOptimizationScoreInfo':'v1'},'channelOptimization':{"
    "'channelOptimizationByEngagement':{'channelOptimizationScores':[{'channel':'email',"
    "'score':0.5}],'channelOptimizationHasSufficientHistory':true},"
    "'channelOptimizationByRevenue':{'channelOptimizationScoringInfo':'v1'}}}}}}",
};

/* Looks for extensions at any depth, and marks the fields of the outermost message that are there.
 * False with the message's name printed. */
static bool all_typed(const pc_message_table *table, const uint8_t *wire, size_t size, bool *there)
{
    pc_wire_reader reader;
    pc_wire_field field;
    bool good = true;
    pc_wire_reader_init(&reader, wire, size);
    while (pc_wire_next(&reader, &field)) {
        const pc_field_table *row = pc_table_find_number(table, field.number);
        assert_non_null(row);
        if (there != NULL) {
            there[row - table->fields] = true;
        }
        if (row->type == PC_FIELD_EXTENSIONS) {
            printf("%s has extensions\n", table->name);
            good = false;
        } else if (row->type == PC_FIELD_MESSAGE) {
            good = all_typed(row->message, field.bytes, field.size, NULL) && good;
        }
    }
    assert_false(reader.failed);
    return good;
}

static void standard_groups_leave_nothing_to_extensions(void **state)
{
    const pc_message_table *table = &pc_table_Profile;
    bool there[256] = {false};
    (void)state;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        char json[4096];
        size_t size = strlen(groups[i]);
        assert_true(size < sizeof json);
        for (size_t at = 0; at <= size; at++) {
            json[at] = groups[i][at] == '\'' ? '"' : groups[i][at];
        }
        pc_buffer wire;
        pc_arena arena;
        const char *why = NULL;
        pc_buffer_init(&wire, SIZE_MAX);
        pc_arena_init(&arena, NULL, 0, SIZE_MAX);
        pc_status status = pc_transcode(&wire, (const uint8_t *)json, size, table, NULL);
        assert_true(pc_status_ok(&status));
        value *back = value_from_wire(&arena, table, wire.bytes, wire.size, &why);
        if (!all_typed(table, wire.bytes, wire.size, there) || back == NULL ||
            !value_equal(back, value_parse(&arena, json, size))) {
            fail_msg("document: %s", json);
        }
        pc_arena_deinit(&arena);
        pc_buffer_deinit(&wire);
    }
    /* Whoever adds a property to the profile adds it here. */
    for (size_t i = 0; i < table->field_count; i++) {
        const pc_field_table *field = &table->fields[i];
        if (field->source == PC_SOURCE_PROPERTY && field->type != PC_FIELD_EXTENSIONS &&
            !there[i]) {
            fail_msg("no document has %s", field->json_name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(standard_groups_leave_nothing_to_extensions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
